import type { Mutant } from './mutant.ts';

/*
 * Each breaks one rule by which bitmaps stay true when their disk gets another size. By the package
 * whose tests have to notice.
 */

export const RESIZED_STORES: readonly Mutant[] = [
  {
    name: 'what is added to a disk is clean in bitmaps at rest',
    file: 'packages/core/src/store/plan-resize.ts',
    find: "content.resize(diskSize, { grown: 'dirty' });",
    replace: "content.resize(diskSize, { grown: 'clean' });",
  },
  {
    name: 'checkpoints stay where a disk shrinks',
    file: 'packages/core/src/store/plan-resize.ts',
    find: 'const keepsCheckpoints = isUndo || diskSize > backend.diskSize;',
    replace: 'const keepsCheckpoints = isUndo || diskSize >= 0;',
  },
];

export const RESIZED_DRIVES: readonly Mutant[] = [
  {
    name: 'what is added to a disk is clean in bitmaps that record',
    file: 'packages/tracking/src/resize/resize-drive.ts',
    find: "next.resize(size, { grown: 'dirty' });",
    replace: "next.resize(size, { grown: 'clean' });",
  },
  {
    name: 'what is added to a disk is clean in live bitmaps on disk',
    file: 'packages/tracking/src/live/live-durability.ts',
    find: "stored.resize(diskSize, { grown: 'dirty' });",
    replace: "stored.resize(diskSize, { grown: 'clean' });",
  },
  {
    name: 'a device is resized before its stores',
    file: 'packages/tracking/src/resize/resize-drive.ts',
    find: '    // An image that holds disk and bitmaps comes last',
    replace:
      '    await device.resize(size);\n    // An image that holds disk and bitmaps comes last',
  },
];

export const RESIZED_IMAGES: readonly Mutant[] = [
  {
    name: 'an image has its new size before its bitmaps have',
    file: 'packages/qcow2/src/host-metadata.ts',
    find: 'if (isResize) return this.#parts.resizer.commit(virtualSize, set);',
    replace:
      'if (isResize) {\n        await this.#parts.resizer.commit(virtualSize, (fields) => owner.patch(fields));\n        return set();\n      }',
  },
  {
    name: 'an L1 table is in place before it is durable',
    file: 'packages/qcow2/src/io/resizer.ts',
    find: 'const place = await moveL1(this.#state, size);\n      await this.#state.writeBack();',
    replace: 'await this.#state.writeBack();\n      const place = await moveL1(this.#state, size);',
  },
  {
    name: 'clusters behind the end come back when the disk grows',
    file: 'packages/qcow2/src/io/resizer.ts',
    find: 'const end = roundUp(size, geometry.clusterSize);',
    replace: 'const end = map.l1.length * geometry.l2Coverage + 0 * size;',
  },
];

export const RESIZED_SIDECARS: readonly Mutant[] = [
  {
    name: 'a sidecar forgets the size that its drive has until it is resized',
    file: 'packages/store-sidecar/src/open-sidecar-store.ts',
    find: "const state = isResize ? 'busy' : 'idle';",
    replace: "const state = isResize ? 'idle' : 'idle';",
  },
  {
    name: 'a drive of a third size is taken for one that was being resized',
    file: 'packages/store-sidecar/src/sidecar-size.ts',
    find: 'if (findUnfinishedResize(image)?.from === drive.size) return image.virtualSize;',
    replace: 'if (findUnfinishedResize(image) !== undefined) return image.virtualSize;',
  },
  {
    name: "a sidecar is for the size before although that is not the drive's any more",
    file: 'packages/store-sidecar/src/finish-resize.ts',
    find: "content.resize(driveSize, { grown: 'dirty' });",
    replace: "content.resize(driveSize, { grown: 'clean' });",
  },
  {
    name: 'a drive that somebody else has resized is taken for one that we have',
    file: 'packages/store-sidecar/src/binding/binding.ts',
    find: 'if (!this.#session.endResize(resized.size)) return;',
    replace: 'if (this.#session.endResize(resized.size)) return;',
  },
];
