import type { FileBlockDevice } from '@tidemark/block';

/** qcow2.rst, "Header": where the lowest bits of incompatible_features are, and the dirty bit. */
const DIRTY_AT = 79;
const DIRTY = 1;

/** As QEMU does with what a crash has left of an image with lazy refcounts. @throws I/O codes */
export async function recount(
  path: string,
  file: FileBlockDevice,
  print: (text: string) => void,
): Promise<void> {
  const start = new Uint8Array(DIRTY_AT + 1);
  if (file.size < start.length) return;
  await file.read(start, 0);
  // The doctor takes its time to load, and is seldom called.
  if ((start[DIRTY_AT]! & DIRTY) === 0) return;
  const { recountIfDirty } = await import('@tidemark/doctor');
  const { RepairLines } = await import('../text/finding-lines.ts');
  const lines = new RepairLines(print, 'all');
  // Whatever else a check would say of the image is not what this is about.
  const onFinding = lines.foundCount;
  if (await recountIfDirty(file, { path, onFinding })) lines.repairing();
}
