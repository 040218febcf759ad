export type { DeviceEvent, FlushEvent } from './device-event.ts';
export { FaultDevice } from './fault-device.ts';
export type {
  DeviceOperation,
  DropFault,
  FailFault,
  Fault,
  ShortFault,
  TearFault,
} from './fault-plan.ts';
export { copyToMemory, RecordingDevice, type RecordingDeviceOptions } from './recording-device.ts';
export { durableEvents, type Keeps, powerCut, replay } from './replay.ts';
