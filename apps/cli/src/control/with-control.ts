import { type ErrorCode, TidemarkError } from '@tidemark/core';
import { QmpControl, QmpError } from '@tidemark/qmp';

/** Works on a running daemon, by the path of its QMP socket. @throws what it refuses, as ours */
export async function withControl<T>(
  socket: string,
  work: (control: QmpControl) => Promise<T>,
): Promise<T> {
  try {
    await using control = await QmpControl.connect(socket);
    return await work(control);
  } catch (error) {
    throw asOurs(error, socket);
  }
}

/** A server tells what went wrong in words alone. */
const CODES: readonly (readonly [words: RegExp, code: ErrorCode])[] = [
  [/not found|could not be found|Cannot find|Failed to find/, 'BITMAP_NOT_FOUND'],
  [/already exists|already in use|already has/, 'BITMAP_EXISTS'],
  [/in use|is busy/, 'BITMAP_BUSY'],
  [/inconsistent/, 'BITMAP_INCONSISTENT'],
  [/read-?only/, 'BITMAP_READ_ONLY'],
  [/not supported/, 'BITMAP_UNSUPPORTED'],
];

/** Of a refusal by the server at `socket`. */
export function asOurs(error: unknown, socket: string): unknown {
  if (!(error instanceof QmpError)) return error;
  const code = CODES.find(([words]) => words.test(error.message))?.[1] ?? 'USAGE';
  const hint = `see what there is: tidemark ctl drives ${socket}`;
  return new TidemarkError(code, error.message, { where: socket, hint }, error);
}
