export { connectNbd, type NbdConnectOptions } from './client/connect-nbd.ts';
export {
  type ListedNbdExport,
  listNbdExports,
  type ListNbdExportsOptions,
} from './client/list-exports.ts';
export type { NbdDevice } from './client/nbd-device.ts';
export type { ContextExtent } from './client/status-extents.ts';
export { type NbdUri, parseNbdUri } from './uri/parse-nbd-uri.ts';
export type { ClientEvent as NbdClientEvent } from './server/connection.ts';
export type { RequestCount as NbdRequestCount } from './server/export-counters.ts';
export type { ClientGone } from './server/clients.ts';
export type { BlockSizes } from './server/block-sizes.ts';
export type { Limits as NbdLimits } from './server/limits.ts';
export type { ExportHandle as NbdExportHandle } from './server/export-handle.ts';
export type { NbdAddress, NbdListenAddress } from './server/listen.ts';
export { ClientTls, type NbdClientTls } from './tls/client-tls.ts';
export { ExportFlag as NbdExportFlag } from './protocol/transmission.ts';
export { type NbdServerTls, ServerTls } from './tls/server-tls.ts';
export type { NbdBitmap, NbdExport } from './server/nbd-export.ts';
export { type NbdServer, type NbdServerOptions, startNbdServer } from './server/nbd-server.ts';
