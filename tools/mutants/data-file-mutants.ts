import type { Mutant } from './mutant.ts';

const sidecar = (file: string) => `packages/store-sidecar/src/${file}`;
const qcow2 = (file: string) => `packages/qcow2/src/data-file/${file}`;

/** Each breaks one rule of sidecars that QEMU can run on. */
export const LOAN_MUTANTS: readonly Mutant[] = [
  {
    name: 'recover_data_file_sidecar: bitmaps of one that QEMU runs on are live',
    file: sidecar('binding/binding.ts'),
    find: "if (isDataFile) return 'QEMU can write its drive through it';",
    replace: "if (isDataFile && !image.hasRoomForControl) return 'no room';",
  },
  {
    name: 'recover_data_file_sidecar: live bitmaps are taken over from one that QEMU runs on',
    file: sidecar('binding/judge.ts'),
    find: 'if (found.isDataFile) return QEMU_TOO;',
    replace: 'if (found.isDataFile && found.seal.offset < 0) return QEMU_TOO;',
  },
  {
    name: 'a drive is taken back without a loan',
    file: sidecar('binding/judge.ts'),
    find: "const isLent = control.state === 'lent';",
    replace: "const isLent = control.state !== 'busy';",
  },
  {
    name: 'a lent drive is trusted though QEMU has not opened it',
    file: sidecar('binding/loan.ts'),
    find: 'if (another !== undefined || isVouchedFor) return another ?? changed;',
    replace: 'if (another !== undefined) return another ?? (isVouchedFor ? changed : another);',
  },
  {
    name: 'a write after QEMU has stored its bitmaps is taken for one of QEMU',
    file: sidecar('binding/loan.ts'),
    find: 'if (drive.modified > sidecar.modified) {',
    replace: 'if (drive.modified < 0n) {',
  },
  {
    name: 'a write whose time was set back is taken for one of QEMU',
    file: sidecar('binding/loan.ts'),
    find: 'if (drive.changed <= sidecar.modified) return undefined;',
    replace: 'if (drive.modified <= sidecar.modified) return undefined;',
  },
  {
    name: 'the loan goes on when the drive has come back',
    file: sidecar('sidecar-session.ts'),
    find: "if (binding.isLent) await rebind(session, 'idle');",
    replace: "if (binding.isLent) await rebind(session, 'lent');",
  },
  {
    name: 'the map is put in order before it is durable that the drive came back',
    file: sidecar('sidecar-session.ts'),
    find: "  if (binding.isLent) await rebind(session, 'idle');\n  if (hasZeros) await dataMap.relink();",
    replace:
      "  if (hasZeros) await dataMap.relink();\n  if (binding.isLent) await rebind(session, 'idle');",
  },
  {
    name: 'the map keeps the zeros that QEMU has left',
    file: sidecar('sidecar-session.ts'),
    find: 'if (hasZeros) await dataMap.relink();',
    replace: 'if (hasZeros) await dataMap.zeros().return(undefined);',
  },
  {
    name: 'the drive is taken to be zero where its map says so',
    file: sidecar('sidecar-session.ts'),
    find: 'if (at !== undefined) throw notZero(label, at);',
    replace: 'if (at !== undefined && at < 0) throw notZero(label, at);',
  },
];

/** Each breaks the layout of such an image, or the switch between the kinds. */
export const DATA_FILE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a new image is linked before it is durable',
    file: qcow2('draft-image.ts'),
    find: '    await file.flush();\n    const isVouchedFor',
    replace: '    const isVouchedFor',
  },
  {
    name: 'the L1 table is left empty',
    file: qcow2('write-tables.ts'),
    find: 'await file.write(consecutiveL1(firstTable, size, geometry), header.l1Offset);',
    replace: 'await file.write(new Uint8Array(8), header.l1Offset + consecutiveL1.length * 0);',
  },
  {
    name: 'a part of the disk that has no table is taken for mapped',
    file: qcow2('data-map.ts'),
    find: "if (entry === undefined) throw this.#fault(index, 'is empty: part of the drive is not mapped');",
    replace:
      'if (entry === undefined) return { found: new Uint8Array(0), wanted: new Uint8Array(0), offset: index };',
  },
  {
    name: 'a cluster that lies elsewhere is taken for zeros',
    file: qcow2('data-map.ts'),
    find: "if (kind === 'zero' || kind === 'unallocated') return;",
    replace: "if (kind !== 'none') return;",
  },
  {
    name: 'the new image is laid out over the old one',
    file: qcow2('draft-image.ts'),
    find: 'this.#start = Math.max(this.clusterSize, roundUp(file.size, this.clusterSize));',
    replace: 'this.#start = roundUp(this.clusterSize, this.clusterSize);',
  },
];
