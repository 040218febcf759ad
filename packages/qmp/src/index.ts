export { QmpClient } from './client.ts';
export { QmpError } from './errors.ts';
export type { JsonObject, JsonValue } from './json/json-value.ts';
export { QmpServer, type QmpServerOptions } from './server.ts';
export type {
  QmpAction,
  QmpBitmap,
  QmpBlockInfo,
  QmpMergeSource,
  QmpNode,
  QmpRelease,
  QmpRescan,
  QmpRescanRequest,
  QmpRescans,
  QmpTarget,
} from './target.ts';
