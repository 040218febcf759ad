export type { BoundDrive } from './binding/binding.ts';
export { adoptSidecar, type AdoptSidecarOptions, type Adoption } from './adopt-sidecar.ts';
export { canTellChanges, whyAnother, whyChanged } from './binding/compare-facts.ts';
export { bindSidecar } from './bind-sidecar.ts';
export { convertSidecar, type ConvertSidecarOptions } from './convert-sidecar.ts';
export { readDataFile, type SidecarDataFile } from './data-file/data-file-name.ts';
export { lendSidecar, type LendSidecarOptions } from './lend-sidecar.ts';
export {
  planSidecar,
  type PlannedSidecar,
  type SidecarKind,
  type SidecarPlan,
} from './plan-sidecar.ts';
export type { SidecarDrive, SidecarSessionOptions } from './sidecar-session.ts';
export { createSidecar, type CreateSidecarOptions } from './create-sidecar.ts';
export { defaultSidecarPath } from './default-sidecar-path.ts';
export { openSidecarStore, type OpenSidecarStoreOptions } from './open-sidecar-store.ts';
