import type { Mutant } from './mutant.ts';

// Rules of the protocol's study and of its review that the other suites do not break, by the names
// they have there.

const qcow2 = (file: string) => `packages/qcow2/src/${file}`;

/** Each breaks the order of writes in an image. */
export const ORDER_MUTANTS: readonly Mutant[] = [
  {
    name: 'clusters are free before a commit has unlinked them (free_before_commit)',
    file: qcow2('bitmaps/bitmap-directory.ts'),
    find: '      // The commit point. If it fails, both are possible',
    replace:
      '      for (const { tableOffset } of dropped) await this.#image.free(tableOffset, 1);\n      // The commit point. If it fails, both are possible',
  },
  {
    name: 'clusters are used anew before their unlink is durable (reuse_before_unlink_durable)',
    file: qcow2('image-state.ts'),
    find: "this.#unlinked.push({ offset, clusterCount, kind: 'other' });",
    replace: 'void this.allocator.release(offset, clusterCount);',
  },
  {
    name: 'clusters that a change has replaced are not given back',
    file: qcow2('host-metadata.ts'),
    find: '    await this.#state.mutex.run(() => this.#state.release(offset, clusterCount));\n',
    replace: '',
  },
  {
    name: 'a table links to bits that are not durable yet (lazy_link_first)',
    file: qcow2('bitmaps/live-table.ts'),
    find: '      await this.#image.settle();\n',
    replace: '',
    also: {
      find: '    await this.#setEntry(index, place);\n',
      replace: '    await this.#setEntry(index, place);\n    await this.#image.settle();\n',
    },
  },
  {
    name: 'a write does not wait for the cluster of its mark (lazy_no_gate)',
    file: qcow2('bitmaps/live-table.ts'),
    find: '    await this.#linking.run(async () => {',
    replace: '    void this.#linking.run(async () => {',
  },
  {
    name: 'clusters are free while marks are written to them (free_with_write_outstanding)',
    by: 'live-clusters',
    file: qcow2('bitmaps/live-table.ts'),
    find: '    this.#isRetired = true;\n    await this.#inFlight.drain();',
    replace: '    this.#isRetired = true;',
  },
  {
    name: 'a part that finds room gets the bits of one write alone',
    by: 'live-table',
    file: qcow2('bitmaps/live-table.ts'),
    find: 'newest(content.fill(0), index * content.length);',
    replace: 'content.fill(0);',
  },
  {
    name: 'a part that has no room gets none where the bits that are written are ones',
    file: qcow2('bitmaps/live-table.ts'),
    find: '} else if (Buffer.compare(',
    replace: '}\n      if (this.#table[index] === ALL_ONES && Buffer.compare(',
  },
  {
    name: 'a mark that fails keeps the cluster that it has taken',
    file: qcow2('bitmaps/live-table.ts'),
    find: '      await clusters.abandon();\n',
    replace: '',
  },
  {
    name: 'a mark whose entry cannot be written takes another cluster each time',
    file: qcow2('bitmaps/live-table.ts'),
    find: 'this.#unlinked.get(index) ?? ',
    replace: '',
  },
];

export const LAYOUT_MUTANTS: readonly Mutant[] = [
  {
    name: 'bitmaps are named behind sector 0, as QEMU does it (qemu_header_layout)',
    file: qcow2('header/compose-header.ts'),
    find: '  return [...first, ...(control === undefined ? [] : [control]), ...others];',
    replace:
      '  const names = { type: ExtensionType.featureNames, data: new Uint8Array(384) };\n  return [names, ...first, ...(control === undefined ? [] : [control]), ...others];',
  },
  {
    name: "the backing file's name moves away and back after each takeover by QEMU (name_moves)",
    file: qcow2('header/header-owner.ts'),
    find: '(await this.#drawIn(end))',
    replace: 'end < 0',
  },
];

export const BACKUP_MUTANTS: readonly Mutant[] = [
  {
    name: 'a bitmap begins anew before its backup is durable (clear_before_backup)',
    file: 'packages/backup/src/make/restore-point.ts',
    find: '    await commit(point, folder, reference);\n    return { ...reference, manifest };',
    replace:
      '    setTimeout(() => void commit(point, folder, reference), 50);\n    return { ...reference, manifest };',
  },
  {
    name: 'the files of a backup are not durable (backup_not_flushed)',
    file: 'packages/backup/src/files/sequential-file.ts',
    find: '    await this.#file.sync();',
    replace: '',
  },
  {
    name: 'the source is not flushed before a bitmap begins anew (no_source_flush)',
    file: 'packages/backup/src/backup.ts',
    find: '    await source.flush();\n',
    replace: '',
  },
];

export const DEVICE_MUTANTS: readonly Mutant[] = [
  {
    name: 'syncs of one descriptor run side by side, and one is told of an error (shared_descriptor_for_marks)',
    file: 'packages/block/src/file/syncs.ts',
    find: 'await this.#running.catch(() => {});',
    replace: 'await Promise.resolve();',
  },
  {
    name: 'a sync error is forgotten by the next sync (sync_error_forgotten)',
    file: 'packages/block/src/file/syncs.ts',
    find: '      this.#failure = { error };\n',
    replace: '',
  },
  {
    name: 'a sync that asks while one is under way is content with that one',
    file: 'packages/block/src/file/syncs.ts',
    find: '    this.#next = undefined;\n    this.#assertSound',
    replace: '    this.#assertSound',
    also: {
      find: '      this.#isBusy = false;',
      replace: '      this.#isBusy = false;\n      this.#next = undefined;',
    },
  },
];
