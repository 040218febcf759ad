import { connectNbd } from '@tidemark/nbd';

/** Writes bytes that are not zero, as a guest would. */
export async function writeByNbd(
  socket: string,
  name: string,
  offset: number,
  length: number,
): Promise<void> {
  await using disk = await connectNbd(`nbd+unix:///${name}?socket=${socket}`);
  await disk.write(new Uint8Array(length).fill(7), offset);
}
