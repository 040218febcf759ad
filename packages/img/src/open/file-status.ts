import { type Stats, statSync } from 'node:fs';

/** stat(2), in the tick of the call. That of node:fs/promises would have to be loaded first. */
export async function statusOf(path: string): Promise<Stats> {
  return statSync(path);
}

export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Which file that is, under whatever name. Undefined where there is none, or none to be seen. */
export function identityOf(path: string): FileIdentity | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}
