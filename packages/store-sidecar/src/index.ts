export type { BoundDrive } from './binding/binding.ts';
export { createSidecar, type CreateSidecarOptions } from './create-sidecar.ts';
export { defaultSidecarPath } from './default-sidecar-path.ts';
export { openSidecarStore, type OpenSidecarStoreOptions } from './open-sidecar-store.ts';
