import type { Mutant } from './mutant.ts';

const source = (file: string) => `packages/repository/src/${file}`;
const plan = source('make/plan.ts');
const commit = source('make/commit-points.ts');
const prune = source('upkeep/prune.ts');

/** Each breaks one rule of a repository: what a point stands on, what is durable when, what may go. */
export const REPOSITORY_MUTANTS: readonly Mutant[] = [
  {
    name: 'an increment stands on the last point, not on that of its bitmap',
    file: plan,
    by: 'test/back-up.test',
    find: 'points.findLast((point) => point.checkpoint === checkpoint)',
    replace: 'points.at(-1)',
    also: {
      find: '|| manifest.bitmap.checkpoint !== found.checkpoint',
      replace: '|| false',
    },
  },
  {
    name: 'a backup does not look whether a prune has taken what it relies on',
    by: 'upkeep',
    file: commit,
    find: 'if (root.prunes === prunes) return;',
    replace: 'if (root.prunes >= prunes) return;',
  },
  {
    name: 'what a backup relies on may be condemned',
    file: commit,
    find: 'if (condemned.has(id) || !(await isThere(repository, packKey(id)))) throw pruned(repository);',
    replace: 'void id;',
  },
  {
    name: 'a prune does not look at points that came meanwhile',
    file: prune,
    find: 'allPoints(root).every(({ id }) => looked.has(id))',
    replace: 'true',
  },
  {
    name: 'a prune removes what is young',
    file: source('upkeep/plan-prune.ts'),
    find: '!pack.isOld ||',
    replace: '',
  },
  {
    name: 'the index tells of packs that are condemned',
    file: source('blobs/load-index.ts'),
    find: 'for (const id of condemned) found.delete(id);',
    replace: 'void condemned;',
  },
  {
    name: 'the index tells of packs that are gone',
    file: source('blobs/load-index.ts'),
    find: 'assertPackIsWhole(id, packs.get(id), packSize(entries, sealer.overhead));',
    replace: 'void [assertPackIsWhole, packs, packSize];',
  },
  {
    name: 'the bitmap begins anew before its point is there',
    file: source('make/back-up.ts'),
    find: 'const points = await commitPoints(repository, prepared);\n  await restartBitmaps(tasks, options.onDurable);',
    replace:
      'await restartBitmaps(tasks, options.onDurable);\n  const points = await commitPoints(repository, prepared);',
  },
  {
    name: 'an index that tells of blobs which were never stored is used again',
    file: source('make/back-up.ts'),
    find: 'repository.forgetIndex();',
    replace: '',
  },
  {
    name: 'a block is given out that fails its digest',
    file: source('blobs/blob-reader.ts'),
    find: 'if (sameDigest(this.#sealer.digest(plain), place.digest)) return plain;',
    replace: 'if (place.length >= 0) return plain;',
  },
  {
    name: 'a restore begins to write before it has looked at the whole map',
    file: source('use/restore.ts'),
    find: 'await checkMap(point.manifest, reader);',
    replace: 'void checkMap;',
  },
  {
    name: 'zeros leave what was there before in the map',
    file: source('map/map-writer.ts'),
    find: 'if (node.set(child % FAN_OUT, undefined)) this.#path[level]!.isChanged = true;',
    replace: 'void node;',
  },
  {
    name: 'a node that changed is not written',
    file: source('map/map-writer.ts'),
    find: 'if (parent.node.set(index % FAN_OUT, digest)) parent.isChanged = true;',
    replace: 'parent.node.set(index % FAN_OUT, digest);',
  },
  {
    name: 'a table may name more blobs than a pack can have',
    file: source('format/pack-table.ts'),
    find: 'count < 1 || count > MAX_BLOBS_IN_PACK',
    replace: 'count < 1 || MAX_BLOBS_IN_PACK < 0',
  },
  {
    name: 'a policy lets the newest point go',
    file: source('upkeep/forget.ts'),
    find: 'if (reasons.length > 0 || point === points.at(-1))',
    replace: 'if (reasons.length > 0 && point !== points.at(-1))',
  },
  {
    name: 'memory is used again before it is written',
    file: source('make/chunk-queue.ts'),
    find: 'this.#storing.add(storing);',
    replace: 'this.#storing.add(storing);\n    release();',
    also: {
      find: 'this.#storing.delete(storing);\n        release();',
      replace: 'this.#storing.delete(storing);',
    },
  },
  {
    name: 'a manifest that a prune is removing can be named',
    file: source('make/commit-points.ts'),
    find: 'if (condemned.has(own) || ',
    replace: 'if (',
  },
  {
    name: 'a manifest goes without being condemned',
    file: source('upkeep/prune.ts'),
    find: 'const goes = [...packs, ...plan.manifests];',
    replace: 'const goes = packs;',
  },
  {
    name: 'a digest of what lay there before counts',
    file: source('make/hashing/shared-offers.ts'),
    find: 'Atomics.compareExchange(words, slot * 3 + 2, 1, 2);',
    replace: 'Atomics.store(words, slot * 3 + 2, 2);',
  },
  {
    name: 'the digest of a granule that is being hashed counts',
    file: source('make/hashing/offers.ts'),
    find: 'if (state === DONE) {',
    replace: 'if (state === DONE || state === 1) {',
  },
  {
    name: 'what is sealed reaches what is not sealed yet',
    file: source('make/chunk.ts'),
    find: 'const at = this.#end + count * this.#overhead;',
    replace: 'const at = this.#end;',
  },
  {
    name: 'a failed backup leaves reads under way',
    file: source('make/chunk-queue.ts'),
    find: 'await Promise.allSettled(this.#closed.flatMap(({ chunk }) => chunk.reads));',
    replace: '',
  },
  {
    name: 'a backup that goes on takes what was written since for what it had read',
    file: source('make/known-granules.ts'),
    find: 'entry.granule === granule && !this.#mayHaveChanged(granule)',
    replace: 'entry.granule === granule',
  },
  {
    name: 'what an earlier try has read is known by its last part only',
    file: source('make/known-granules.ts'),
    find: 'const offset = granule * drive.granularity;',
    replace: 'const offset = Math.min(drive.size - 1, (granule + 1) * drive.granularity);',
    also: {
      find: 'Math.min(drive.granularity, drive.size - offset)',
      replace: 'Math.min(1, drive.size - offset)',
    },
  },
  {
    name: 'a record of a try is there before the bitmap that tells what was written since',
    file: source('make/try-writer.ts'),
    find: 'if (this.#records === 0) await begin();',
    replace: 'if (this.#records > 0) await begin();',
  },
  {
    name: 'what a try has read may be in a cache only',
    file: source('make/tries.ts'),
    find: 'await source.flush();',
    replace: '',
  },
  {
    name: 'a record of a try is believed though it is damaged',
    file: source('format/try-record.ts'),
    find: 'if (!sameDigest(sealer.digest(record.subarray(0, end)), record.subarray(end)))',
    replace:
      'if (!sameDigest(sealer.digest(record.subarray(0, end)), sealer.digest(record.subarray(0, end))))',
  },
  {
    name: 'a full backup that was asked for relies on an earlier try',
    file: source('make/tries.ts'),
    find: 'const found = readsAll ? undefined : await',
    replace: 'const found = readsAll && drive.size === 0 ? undefined : await',
  },
  {
    name: 'a block of an earlier try need not be there any more',
    file: source('make/copy-drive.ts'),
    find: 'if (known.digest !== undefined && !blobs.has(known.digest)) continue;',
    replace: '',
    also: {
      find: 'await earlier.find(at / drive.granularity);',
      replace: 'await earlier.find(at / drive.granularity);\n    blobs.reuse = () => {};',
    },
  },
  {
    name: 'a copy comes behind a younger point',
    file: source('copy/plan-copy.ts'),
    find: 'others !== undefined && created <= others.created',
    replace: 'others !== undefined && created < others.created && others.created === created',
  },
  {
    name: 'a copy comes behind a point that came meanwhile',
    file: commit,
    find: 'points.at(-1)?.id !== place.behind',
    replace: 'points.length < 0',
  },
  {
    name: 'a copy brings back what was forgotten there',
    file: source('copy/plan-copy.ts'),
    find: 'common = { point, copy };\n    break;',
    replace: 'common ??= { point, copy };',
  },
  {
    name: 'a copy is made of one point, and shares with another',
    file: source('copy/copy-point.ts'),
    find: 'differences(from, point, base)',
    replace: 'differences(from, point, base && point)',
  },
  {
    name: 'a copy of a copy is taken for another point',
    file: source('format/manifest.ts'),
    find: 'return origin ?? id;',
    replace: 'return origin === undefined ? id : id;',
  },
  {
    name: 'a newer point that cannot be read hides the older ones from a rescan',
    by: 'upkeep',
    file: source('use/point-digests.ts'),
    find: "if (!isTidemarkError(error, 'BACKUP_CORRUPT')) throw error;",
    replace: 'if (isTidemarkError(error)) throw error;',
  },
  {
    name: 'a rescan says that no point began a bitmap though some cannot be read',
    by: 'upkeep',
    file: source('use/point-digests.ts'),
    find: 'if (damage !== undefined) throw withWayOut(damage, bitmap);',
    replace: 'void damage;',
  },
  {
    name: 'a rescan trusts bitmaps though the one that it brings back is whole',
    file: 'packages/backup/src/use/bitmaps-to-trust.ts',
    find: 'return isWhole ? [] :',
    replace: 'return isWhole && recording.length === 0 ? [] :',
  },
];
