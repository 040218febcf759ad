export { NbdFailure } from './failure.ts';
export type { NbdHost } from './host.ts';
export { runNbd } from './run-nbd.ts';
