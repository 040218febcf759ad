export { checkImage, type CheckOptions } from './check-image.ts';
export type { Finding, FindingKind, Severity } from './findings.ts';
export type { BitmapsState, BitmapVerdict, CheckedBitmap, ImageCheck } from './result.ts';
export { recountIfDirty, type RecountOptions } from './recount.ts';
export { describeAction, type RepairAction } from './repair/actions.ts';
export { applyRepair, type ApplyOptions } from './repair/apply-repair.ts';
export type { Phase } from './repair/draft.ts';
export { planRepair, type RepairOptions, type RepairPlan } from './repair/plan-repair.ts';
export { undoRepair, type UndoneRepair } from './undo/undo-repair.ts';
