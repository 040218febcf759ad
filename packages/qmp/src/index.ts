export { parseExportOptions, parseNodeOptions } from './block/parse.ts';
export { QmpClient } from './client/qmp-client.ts';
export { QmpControl } from './client/qmp-control.ts';
export type {
  QmpArguments,
  QmpCommand,
  QmpReply,
  QmpTransactionAction,
} from './client/typed-commands.ts';
export { QmpError } from './errors.ts';
export type { JsonObject, JsonValue } from './json/json-value.ts';
export { knownKeys } from './schema.ts';
export { type QmpClientEvent, QmpServer, type QmpServerOptions } from './server.ts';
export { NodeOptions as nodeOptionsSchema, type QmpNodeOptions } from './block/node-schema.ts';
export type {
  QmpAction,
  QmpBitmap,
  QmpBlockInfo,
  QmpBlockLayer,
  QmpEvent,
  QmpExport,
  QmpExpected,
  QmpGiven,
  QmpHandOver,
  QmpHandOverAddress,
  QmpHandOvers,
  QmpJob,
  QmpMergeSource,
  QmpNbdServer,
  QmpNode,
  QmpRelease,
  QmpRequestCount,
  QmpRescan,
  QmpRescanRequest,
  QmpRescans,
  QmpTarget,
  QmpView,
  QmpViews,
} from './target.ts';
