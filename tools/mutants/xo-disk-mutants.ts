import type { Mutant } from './mutant.ts';

const xo = (file: string) => `packages/xo-disk/src/${file}`;

/** Each breaks one rule of the disks that Xen Orchestra gets. */
export const XO_DISK_MUTANTS: readonly Mutant[] = [
  {
    name: 'a bitmap that is disabled tells what has changed',
    file: xo('changes-of.ts'),
    find: 'if (!info.enabled) throw',
    replace: "if (!info.enabled && info.name === '') throw",
  },
  {
    name: 'what happened to a bitmap while it was read is not looked at',
    file: xo('changes-of.ts'),
    find: 'checkInfo(await infoOf(store, name), store, checkpoint);\n    return bits;',
    replace: 'return bits;',
  },
  {
    name: 'a bitmap that began at no known instant stands on any parent',
    file: xo('changes-of.ts'),
    find: 'info.checkpoint === wanted) return;',
    replace: 'info.checkpoint === undefined || info.checkpoint === wanted) return;',
  },
  {
    name: 'a bitmap of another size tells of the drive',
    file: xo('blocks.ts'),
    find: 'if (bits.diskSize !== device.size) {',
    replace: 'if (bits.diskSize > device.size) {',
    also: {
      find: 'blocks.merge(bits);',
      replace: 'for (const { offset, length } of bits.dirtyExtents()) blocks.set(offset, length);',
    },
  },
  {
    name: 'what only a backing file has is left out',
    file: xo('blocks.ts'),
    find: 'of device.extents(0, device.size)) {\n      if (!zero) blocks',
    replace: 'of device.extents(0, device.size)) {\n      if (!zero && allocated) blocks',
    also: {
      find: '{ offset, length, zero } of',
      replace: '{ offset, length, zero, allocated } of',
    },
  },
  {
    name: 'a parent with blocks of another size is taken',
    file: xo('tidemark-disk.ts'),
    find: 'if (its !== size) return',
    replace: 'if (its < size) return',
  },
  {
    name: 'a block that the disk does not have is read all the same',
    file: xo('tidemark-disk.ts'),
    find: 'if (!this.hasBlock(index)) {',
    replace: 'if (index * this.#blockSize >= device.size) {',
  },
];
