import { openFileDevice } from '@tidemark/block';
import { run, sh } from '../../../../tools/qemu.ts';
import { checkImage, type ImageCheck } from '../../src/index.ts';

/** The numbers that `qemu-img check` prints, and that ours have to equal. */
export interface Counts {
  readonly corruptions: number;
  readonly leaks: number;
  readonly checkErrors: number;
  readonly total: number;
  readonly allocated: number;
  readonly fragmented: number;
  readonly compressed: number;
  readonly end: number;
}

export async function checkFile(path: string): Promise<ImageCheck> {
  await using device = await openFileDevice(path, { lock: false });
  return await checkImage(device);
}

export function countsOf(check: ImageCheck): Counts {
  return {
    corruptions: check.corruptions,
    leaks: check.leaks,
    checkErrors: check.checkErrors,
    total: check.totalClusters,
    allocated: check.allocatedClusters,
    fragmented: check.fragmentedClusters,
    compressed: check.compressedClusters,
    end: check.imageEndOffset,
  };
}

/** What `qemu-img check` counts; undefined: it does not open the image, or gives up. */
async function tryQemuCounts(path: string): Promise<Counts | undefined> {
  const { stdout } = await sh('qemu-img', 'check', '-f', 'qcow2', '--output=json', path);
  return stdout === '' ? undefined : parseCounts(stdout);
}

export async function qemuCounts(path: string): Promise<Counts> {
  const counts = await tryQemuCounts(path);
  return counts ?? parseCounts(await run('qemu-img', 'check', '--output=json', path));
}

function parseCounts(json: string): Counts {
  const told: Record<string, number> = JSON.parse(json);
  return {
    corruptions: told['corruptions'] ?? 0,
    leaks: told['leaks'] ?? 0,
    checkErrors: told['check-errors'] ?? 0,
    total: told['total-clusters'] ?? 0,
    allocated: told['allocated-clusters'] ?? 0,
    fragmented: told['fragmented-clusters'] ?? 0,
    compressed: told['compressed-clusters'] ?? 0,
    end: told['image-end-offset'] ?? 0,
  };
}
