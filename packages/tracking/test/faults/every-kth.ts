import type { DeviceOperation } from '@tidemark/block/testing';
import { expect } from 'vitest';
import { imageSetting } from '../explorer/image-setting.ts';
import type { MakeSetting, Plans } from '../explorer/setting.ts';
import { sidecarSetting } from '../explorer/sidecar-setting.ts';
import { FaultSession, type FaultSessionOptions } from './fault-session.ts';
import type { PlanKind } from './plans.ts';

/** A file with which something can go wrong. */
export interface Place {
  readonly name: string;
  readonly setting: MakeSetting;
  readonly file: keyof Plans;
}

export const PLACES: readonly Place[] = [
  { name: 'a qcow2 image', setting: imageSetting, file: 'bitmaps' },
  { name: 'the sidecar of a raw drive', setting: sidecarSetting, file: 'bitmaps' },
  { name: 'a raw drive with a sidecar', setting: sidecarSetting, file: 'drive' },
];

type SessionOptions = Pick<FaultSessionOptions, 'seed' | 'policy'>;

/** The calls of a session in which nothing goes wrong. */
export async function callsOf(place: Place, options: SessionOptions) {
  const calls: DeviceOperation[] = [];
  const calm = { faults: [], onCall: (operation: DeviceOperation) => void calls.push(operation) };
  const { setting, file } = place;
  const session = await FaultSession.run({ ...options, setting, plans: { [file]: calm } });
  expect(session).toMatchObject({ failures: 0, problems: [] });
  return calls;
}

/** What comes of it where that strikes each k-th call, or as many of them, spread out. */
export async function problemsOf(
  { setting, file }: Place,
  kind: PlanKind,
  options: SessionOptions & { calls: readonly DeviceOperation[]; sessions?: number },
): Promise<readonly string[]> {
  const { calls, sessions = Infinity, ...rest } = options;
  const count = calls.filter((operation) => kind.strikes(operation)).length;
  const stride = Math.max(1, Math.floor(count / sessions));
  const problems: string[] = [];
  // From another place for each kind.
  for (let k = kind.name.length % stride; k < count; k += stride) {
    const plans = { [file]: kind.plan(k) };
    const session = await FaultSession.run({ ...rest, setting, plans });
    const where = `seed ${rest.seed}, ${kind.name} (${k})`;
    problems.push(...session.problems.map((problem) => `${where}: ${problem}`));
  }
  return problems;
}
