import type { Mutant } from './mutant.ts';

const tracking = (file: string) => `packages/tracking/src/${file}`;
const qcow2 = (file: string) => `packages/qcow2/src/${file}`;

/** Each breaks one rule of bitmaps that stay valid on disk while they record. */
export const LIVE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a write does not wait for its mark',
    file: tracking('tracked-device.ts'),
    find: 'if (marks !== undefined) while (!marks.covers(write)) await marks.cover(write);',
    replace:
      'if (marks !== undefined && !marks.covers(write)) void marks.cover(write).catch(() => {});',
  },
  {
    name: 'a write is made although its mark failed',
    by: 'live.model',
    named: 'when the store fails',
    file: tracking('tracked-device.ts'),
    find: 'await marks.cover(write);',
    replace: 'if ((await marks.cover(write).catch(() => "failed")) === "failed") break;',
  },
  {
    name: 'marks are not synced',
    file: tracking('live/group-sync.ts'),
    find: 'this.#running = this.#sync();',
    replace: 'this.#running = Promise.resolve(this.#sync).then(() => {});',
  },
  {
    name: 'a mark joins a sync that has started',
    file: tracking('live/group-sync.ts'),
    find: 'this.#next ??= this.#start();\n    return this.#next;',
    replace:
      'if (this.#busy !== undefined) return this.#busy;\n    this.#busy = this.#sync().finally(() => (this.#busy = undefined));\n    return this.#busy;',
    also: {
      find: '#next: Promise<void> | undefined;',
      replace: '#next: Promise<void> | undefined;\n  #busy: Promise<void> | undefined;',
    },
  },
  {
    name: 'two writes of one sector are under way at once',
    file: tracking('live/sector-writer.ts'),
    by: 'live.sector-writer',
    find: 'if (sector !== undefined) {',
    replace: 'if (sector !== undefined && index < 0) {',
  },
  {
    name: 'a sector is written with what it was to hold when the write was asked for',
    file: tracking('live/live-bitmap.ts'),
    find: 'const newest = (target: Uint8Array, at: number) => this.#desired.serialize(target, at);',
    replace:
      'const early = stored.clone();\n    const newest = (target: Uint8Array, at: number) => {\n      early.serialize(target, at);\n      early.merge(this.#desired);\n    };',
  },
  {
    name: 'narrowing leaves the floor as it was',
    file: tracking('live/live-bitmap.ts'),
    find: 'const changed = this.#lower(this.#floor, range);',
    replace: 'const changed = this.#lower(this.#floor.clone(), range);',
  },
  {
    name: 'narrowing lowers the floor only when it is written',
    file: tracking('live/live-bitmap.ts'),
    by: 'live.regions',
    find: 'const changed = this.#lower(this.#floor, range);\n    this.#lower(this.#desired, range);\n    if (changed) await this.#write(range);',
    replace:
      'const changed = this.#lower(this.#floor.clone(), range);\n    this.#lower(this.#desired, range);\n    if (changed) await this.#write(range);\n    this.#lower(this.#floor, range);',
  },
  {
    name: 'only the first bitmap is marked',
    file: tracking('live/live-marks.ts'),
    find: 'for (const { bitmap } of this.#tracked) if (!bitmap.covers(range)) return false;',
    replace:
      'for (const { bitmap } of [...this.#tracked].slice(0, 1)) if (!bitmap.covers(range)) return false;',
  },
  {
    name: 'a mark is relied on before the sync',
    file: tracking('live/live-marks.ts'),
    by: 'live.regions',
    find: '// Bitmaps of one store share its sync.',
    replace: 'bitmap.rely(part);',
  },
  {
    name: 'a region is narrowed while it is marked',
    file: tracking('live/live-marks.ts'),
    by: 'test/live.regions',
    find: 'if (this.#busy.has(region)) continue;',
    replace: '',
    also: {
      find: 'const others = this.#busy.within(span);',
      replace: 'const others = this.#busy.within(span).slice(1);',
    },
  },
  {
    name: 'marks go on while bitmaps are changed',
    file: tracking('live/live-marks.ts'),
    find: 'await this.#structure;\n      return false;',
    replace: '',
  },
  {
    name: 'a change does not wait for marks that are under way',
    file: tracking('live/live-marks.ts'),
    find: 'await this.#busy.settled();\n    await Promise.all(Array.from(this.#tracked, ({ bitmap }) => bitmap.drain()));\n    return',
    replace: 'return',
  },
  {
    name: 'a cleared bitmap checks the old bits only until it is stored',
    file: tracking('live/tracked-bits.ts'),
    find: 'if (!this.#tracked.has(content)) this.#begin(name, content);',
    replace: 'if (this.#tracked.size === 0) this.#begin(name, content);',
  },
  {
    name: 'what is stored is the bits of later',
    file: tracking('live/live-bitmap.ts'),
    find: "this.#floor = stored.clone({ unreadable: 'clean' });",
    replace: 'this.#floor = exact;',
  },
  {
    name: 'the drive is not flushed before a bitmap begins anew',
    by: 'live.undo',
    file: tracking('live/live-durability.ts'),
    find: 'if (created.length + changed.length > 0 && !isUndo) await this.#options.flushDrive();',
    replace: '',
  },
  {
    name: 'writes under way are not in the bitmap that begins',
    file: tracking('write-recorder.ts'),
    find: 'for (const { offset, length } of this.#inFlight) bitmap.set(offset, length);',
    replace: '',
  },
  {
    name: 'a bitmap records no more before its removal is durable',
    file: tracking('drive-draft.ts'),
    find: 'for (const keeper of this.state.keepers) keeper.begin(recordingIn(keeper, this.#next));',
    replace:
      'for (const keeper of this.state.keepers) { keeper.begin(recordingIn(keeper, this.#next)); keeper.end(recordingIn(keeper, this.#next)); }',
  },
  {
    name: 'counts and content are not durable before a table links to them',
    file: qcow2('bitmaps/live-table.ts'),
    find: 'await this.#image.settle();',
    replace: '',
  },
  {
    name: 'two parts of a table are linked at once',
    file: qcow2('bitmaps/live-table.ts'),
    find: 'await this.#linking.run(async () => {',
    replace: 'await (async (act: () => Promise<void>) => act())(async () => {',
  },
  {
    name: 'bits go to a cluster that could not be linked',
    by: 'live.undo',
    file: qcow2('bitmaps/live-table.ts'),
    find: 'entries[index - first] = entry;',
    replace: 'this.#table[index] = entry;\n    entries[index - first] = entry;',
  },
  {
    name: 'nothing is synced when bitmaps are taken over from one who died',
    file: 'packages/core/src/store/stage-change.ts',
    find: 'if (isChange) return backend.replaceDirectory(entries, contents, options);',
    replace:
      'if (contents.size === 0 && entries.some(({ live }) => live)) return;\n  if (isChange) return backend.replaceDirectory(entries, contents, options);',
  },
  {
    name: 'nothing is synced where no bitmap is taken over: a removed one may come back (no_sync_at_open)',
    by: 'live.sync-at-open',
    file: tracking('live/live-durability.ts'),
    find: 'if (isFirst) await this.#options.live.sync();',
    replace: '',
  },
  {
    name: 'a directory is linked before its content is durable',
    file: qcow2('host-metadata.ts'),
    find: 'await unchanging(() => this.#state.writeBack());',
    replace: '',
    also: {
      find: 'await set();',
      replace: 'await set();\n      await this.#state.writeBack();',
    },
  },
  {
    name: 'a commit is not flushed',
    file: qcow2('header/header-owner.ts'),
    find: 'await this.#file.writeSoon(bytes, 0);\n    await this.#file.flush();',
    replace: 'await this.#file.writeSoon(bytes, 0);',
  },
  {
    name: 'the old bits of a bitmap are given up before the new ones are in place',
    file: tracking('live/tracked-bits.ts'),
    find: 'replaced.set(content, tracking);\n      this.#begin(bitmap.name, content);',
    replace:
      'replaced.set(content, tracking);\n      this.#untrack(content);\n      this.#begin(bitmap.name, content);',
  },
  {
    name: 'a clear that may have to be taken back forgets the old bits at once',
    file: tracking('restructuring.ts'),
    find: '({ ...after, kept: before.content })',
    replace:
      '({ ...after, kept: new DirtyBitmap(before.content.diskSize, before.content.granularity) })',
  },
  {
    name: 'with stop, an unmarked write passes after the first attempt',
    file: tracking('live/guarded-marks.ts'),
    find: 'if (await this.#options.marks.cover(range)) this.#recovered();',
    replace:
      'if (this.#trouble === undefined && (await this.#options.marks.cover(range))) this.#recovered();',
    also: {
      find: 'return this.#options.marks.covers(range);',
      replace: 'return this.#trouble !== undefined || this.#options.marks.covers(range);',
    },
  },
  {
    name: 'with report, an unmarked write passes',
    file: tracking('live/guarded-marks.ts'),
    find: "if (policy === 'report') throw cause;",
    replace: "if (policy === 'report') { this.#hasEnded = true; return; }",
    also: {
      find: 'return this.#options.marks.covers(range);',
      replace: 'return this.#hasEnded || this.#options.marks.covers(range);',
    },
  },
  {
    name: 'with drop, an unmarked write passes before the bitmap is durably in use',
    file: tracking('live/live-durability.ts'),
    find: 'await store.commit(bitmaps.flatMap(asLost));',
    replace: 'void store.commit(bitmaps.flatMap(asLost)).catch(() => {});',
  },
  {
    name: 'with drop, an unmarked write passes before the lease is over',
    file: tracking('live/live-durability.ts'),
    find: 'await live.lease.lapse();',
    replace: 'void live.lease.lapse();',
  },
  {
    name: 'with drop, an unmarked write passes although the bitmap could not be given up',
    file: tracking('live/live-durability.ts'),
    find: 'if (live.lease === undefined) throw error;\n      await live.lease.lapse();',
    replace: 'await live.lease?.lapse();',
  },
  {
    name: 'the waiting of writes is not ended by a close',
    file: tracking('live/guarded-marks.ts'),
    find: 'if (this.#hasEnded) throw ended(this.#options.label, cause);',
    replace: 'if (this.#hasEnded) this.#options.marks.covers = () => true;',
  },
  {
    name: 'a mark that was widened for a stream is relied on before the sync',
    file: tracking('live/live-marks.ts'),
    find: 'await bitmap.mark(part);',
    replace: 'if (span.last > span.first) bitmap.rely(part);\n      await bitmap.mark(part);',
  },
  {
    name: 'a region whose mark was widened is not held against other marks',
    file: tracking('live/live-marks.ts'),
    find: 'await this.#busy.work(wide, () => this.#mark(wide, range));',
    replace: 'await this.#busy.work(span, () => this.#mark(wide, range));',
    also: {
      find: 'while (last < end && !this.#busy.has(last + 1)) last += 1;',
      replace: 'while (last < end) last += 1;',
    },
  },
  {
    name: 'a part of a mark that a bitmap does not get is relied on',
    file: tracking('live/live-marks.ts'),
    find: 'bitmap.rely(part);',
    replace: 'bitmap.rely(wanted.range);',
  },
  {
    name: 'a write that finds its mark is not among those under way',
    file: tracking('tracked-device.ts'),
    find: 'const write = this.recorder.begin(offset, length);\n    marks?.begin();\n    return write;',
    replace:
      'const write = { offset, length };\n    for (const bitmap of this.recorder.bitmaps) bitmap.set(offset, length);\n    marks?.begin();\n    return write;',
  },
  {
    name: 'a sync error is forgotten by the next one that goes well',
    file: qcow2('io/host-file.ts'),
    find: 'await this.device.flush();\n    } catch (error) {\n      this.#failure = error;',
    replace: 'await this.device.flush();\n    } catch (error) {',
  },
  {
    name: 'what is marked for want of room does not count as marked',
    file: tracking('live/live-marks.ts'),
    find: 'this.#regions.excess(Math.max(0, ...coarse))',
    replace: 'this.#regions.excess()',
  },
  {
    name: 'what was marked for want of room stays marked when there is room',
    file: tracking('live/live-marks.ts'),
    find: 'await Promise.allSettled(Array.from(this.#tracked, ({ bitmap }) => bitmap.refine()));',
    replace: '',
  },
  {
    name: 'streams mark more at once than may be open',
    file: tracking('live/streams.ts'),
    find: 'Math.min(WIDEST, maxOpen / STREAMS)',
    replace: 'WIDEST',
  },
  {
    name: 'what a store has begun to forget is what it stores from then on',
    file: tracking('drive-draft.ts'),
    find: 'for (const keeper of keepers) keeper.end(recordingIn(keeper, bitmaps));\n    this.#unlockMarks();',
    replace:
      'if (keepers.length < 0) keepers[0]!.end(recordingIn(keepers[0]!, bitmaps));\n    this.#unlockMarks();',
  },
];
