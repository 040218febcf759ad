export { connectNbd, type NbdConnectOptions } from './client/connect-nbd.ts';
export type { NbdDevice } from './client/nbd-device.ts';
export type { ContextExtent } from './client/status-extents.ts';
export { type NbdUri, parseNbdUri } from './uri/parse-nbd-uri.ts';
export type { NbdAddress } from './server/listen.ts';
export type { NbdBitmap, NbdExport } from './server/nbd-export.ts';
export { type NbdServer, type NbdServerOptions, startNbdServer } from './server/nbd-server.ts';
