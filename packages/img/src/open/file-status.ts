import { stat } from 'node:fs';
import { promisify } from 'node:util';

/** stat(2). That of node:fs/promises is the same, and has to be loaded first. */
export const statusOf = promisify(stat);
