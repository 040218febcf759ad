import type { Mutant } from './mutant.ts';

const work = (file: string) => `packages/img/src/work/${file}`;

/** Each breaks one rule of what `tidemark img` does to bitmaps. */
export const IMG_MUTANTS: readonly Mutant[] = [
  {
    name: 'convert -n does not mark what it writes',
    file: work('recording.ts'),
    by: 'test/sidecar.test',
    find: 'bitmap.set(offset, length);',
    replace: 'bitmap.set(offset, 0);',
  },
  {
    name: 'convert -n marks in bitmaps that do not record',
    file: work('recording.ts'),
    find: '.filter((info) => info.enabled)',
    replace: '.filter((info) => info.granularity > 0)',
  },
  {
    name: 'zeros that convert -n writes are not marked',
    file: work('convert-images.ts'),
    find: 'onWrite?.(offset, length);',
    replace: '',
  },
  {
    name: 'convert -n does not mark what it writes in the tick of its read',
    file: work('convert-images.ts'),
    find: 'onWrite?.(offset + from, to - from);',
    replace: '',
  },
  {
    name: 'a cluster whose middle alone is data is not copied from its start',
    file: work('copy-whole.ts'),
    find: 'Math.max(done, offset - (offset % clusterSize))',
    replace: 'Math.max(done, offset)',
  },
  {
    name: 'a large cluster is copied in parts',
    file: work('copy-whole.ts'),
    find: 'Math.max(PART, clusterSize)',
    replace: 'PART',
  },
  {
    name: 'a new image has places for what is nothing but zeros',
    file: work('copy-whole.ts'),
    find: 'const runs = keepsZeros ? whole',
    replace: 'const runs = keepsZeros || base >= 0 ? whole',
  },
  {
    name: 'disks in a row share a cluster of a new image',
    file: work('whole-image.ts'),
    find: 'disk.size % plan.clusterSize === 0',
    replace: 'disk.size % 512 === 0',
  },
  {
    name: 'a bitmap that cannot be stored is lost without a word',
    file: work('change-bitmap.ts'),
    find: 'if (lost !== undefined) throw',
    replace: 'if (lost !== undefined) return;\n  if (lost === null) throw',
  },
  {
    name: 'a check tells of an image that was written meanwhile',
    file: work('check-unlocked.ts'),
    find: 'isClean && isUnchanged(before, await file.facts()) ? checked',
    replace: 'isClean ? checked',
  },
  {
    name: 'a check tells of what it found while nobody was kept out',
    file: work('check-unlocked.ts'),
    find: 'isClean = false;',
    replace: '',
  },
  {
    name: 'a sidecar is written as an image',
    file: 'packages/img/src/open/open-image.ts',
    find: 'if (writable && !isRepair) refuseSidecar(path, qcow2);',
    replace: '',
  },
  {
    name: 'bitmaps are taken out of a sidecar whose drive nobody looks at',
    file: 'packages/img/src/open/sidecar.ts',
    find: 'if (qcow2 === undefined || !isSidecar(qcow2.metadata)) return;',
    replace: 'if (qcow2 !== undefined || path !== undefined) return;',
  },
  {
    name: 'convert -n writes a raw drive behind the back of its sidecar',
    file: 'packages/img/src/commands/convert.ts',
    find: 'return bitmapsBeside(target, { warn: host.err, wholeSectors: true });',
    replace: 'return target.qcow2 && bitmapsBeside(target, { warn: host.err });',
  },
  {
    name: 'a raw drive is resized behind the back of its sidecar',
    file: work('resize-image.ts'),
    find: 'const store = await bitmapsBeside(image, { warn });',
    replace: 'const store = image.qcow2 && (await bitmapsBeside(image, { warn }));',
  },
  {
    name: 'a sidecar is not found by a link to its drive',
    file: work('sidecar-beside.ts'),
    find: 'found?.isFile() === true ? await realpath(path) : path',
    replace: 'found?.isFile() === true ? path : await realpath(path)',
  },
  {
    name: 'a drive that is longer than its file is marked beyond its end',
    file: work('raw-sidecar.ts'),
    find: 'if (wholeSectors && drive.size',
    replace: 'if (!wholeSectors && drive.size',
  },
  {
    name: 'of many bitmaps of another image one is merged',
    file: work('bitmap-draft.ts'),
    find: "if (typeof alike === 'object') alike.merge(content);",
    replace: "if (typeof alike === 'object') return;",
  },
  {
    name: 'a drive that is lent to QEMU is written behind its back',
    file: work('raw-sidecar.ts'),
    find: "found.control.state === 'lent';",
    replace: "found.control.state === 'busy';",
  },
  {
    name: 'the data file of an image is written though it is lent to QEMU',
    file: 'packages/img/src/commands/convert.ts',
    find: 'if (target.dataPath !== undefined) await refuseLent(target.dataPath);',
    replace: '',
  },
  {
    name: 'the data file of an image is resized though it is lent to QEMU',
    file: work('resize-image.ts'),
    find: 'if (dataPath !== undefined) await refuseLent(dataPath);',
    replace: '',
  },
  {
    name: 'a sidecar is repaired that has lent its drive to QEMU',
    file: 'packages/doctor/src/repair/plan-repair.ts',
    find: 'if (draft.phases.length > 0) refuseLent(device.label, layout);',
    replace: '',
  },
  {
    name: 'an image that is named without locks is written without one',
    file: 'packages/img/src/open/open-image.ts',
    find: '(source.isUnlocked && given.writable !== true)',
    replace: 'source.isUnlocked',
  },
  {
    name: 'the data of an image is sought on a server that the image names',
    file: 'packages/img/src/open/open-image.ts',
    find: "return { driver: 'file', path: pathOf(name) };",
    replace: 'return sourceOf(name, false).file;',
  },
];
