export { connectForImg } from './connect-for-img.ts';
export { NbdFailure } from './failure.ts';
export type { NbdHost } from './host.ts';
export { runNbd } from './run-nbd.ts';
