import type { Mutant } from './mutant.ts';

const binding = (file: string) => `packages/store-sidecar/src/binding/${file}`;

/** Each breaks one rule by which a sidecar is tied to its drive. */
export const SIDECAR_MUTANTS: readonly Mutant[] = [
  {
    name: 'a copy of a sidecar that took its place in the midst of a lease is trusted after a close',
    by: 'replaced',
    file: binding('binding.ts'),
    find: '    if (writesDrive && (await this.#place.look())) await lease.lapse();\n',
    replace: '',
  },
  {
    name: 'a session vouches at its close for bitmaps that missed its writes',
    file: 'packages/store-sidecar/src/binding/binding.ts',
    find: '    if (areAtStake(directory, this.#control)) return;\n',
    replace: '',
  },
  {
    name: 'a sidecar at rest trusts a drive that was changed',
    file: binding('judge.ts'),
    find: 'const why = isLent ? whyNotReturned(found) : whyChanged(control.drive, drive);',
    replace: 'const why = isLent ? whyNotReturned(found) : whyAnother(control.drive, drive);',
  },
  {
    name: 'a damaged control extension is taken for none',
    file: binding('judge.ts'),
    find: "if ('problem' in found) return untrusted(unreadable(found.problem));",
    replace: "if ('problem' in found) return ofInUse;",
  },
  {
    name: 'a write after the lease is taken for one of the session',
    file: binding('recovery.ts'),
    find: 'if (newest <= leaseUntil) return undefined;',
    replace: 'if (newest !== leaseUntil) return undefined;',
  },
  {
    name: 'another directory than the one that was in use is recovered',
    file: binding('recovery.ts'),
    find: 'directory.offset === seal.offset && directory.crc === seal.crc',
    replace: 'directory.offset === seal.offset',
  },
  {
    name: 'a lease in the future is believed',
    file: binding('recovery.ts'),
    find: 'if (leaseUntil > BigInt(now + LEASE) * NS_PER_MS) {',
    replace: 'if (leaseUntil > BigInt(now + LEASE) * NS_PER_MS * 2n) {',
  },
  {
    name: 'whatever is in use beside a live bitmap is recovered with it',
    file: binding('judge.ts'),
    find: 'if (evidence.isShared || !evidence.live.has(entry.name)) return LEFT_IN_USE;',
    replace: 'if (evidence.isShared) return LEFT_IN_USE;',
  },
  {
    name: 'bitmaps are taken from a session that may be going on',
    file: binding('judge.ts'),
    find: 'if (evidence.isShared || !evidence.live.has(entry.name)) return LEFT_IN_USE;',
    replace: 'if (!evidence.live.has(entry.name)) return LEFT_IN_USE;',
  },
  {
    name: 'the drive is not made durable before its facts are noted',
    file: binding('binding.ts'),
    find: "if (state !== 'busy') return this.#session.ownFacts({ durable: true });",
    replace: "if (state !== 'busy') return this.#session.ownFacts({});",
  },
  {
    name: 'a close makes bitmaps trusted that were found untrusted',
    file: binding('read-binding.ts'),
    find: 'if (whyNotAsLeft({ ...evidence, ...found, drive }) !== undefined) return undefined;',
    replace: 'if (whyNotAsLeft({ ...evidence, ...found, drive }) !== undefined) return then;',
  },
  {
    name: 'anybody who has the sidecar open binds it anew',
    file: binding('binding.ts'),
    find: 'if (!writesDrive || !image.writable || before === undefined) return;',
    replace: 'if (!image.writable || before === undefined) return;',
    also: {
      find: 'const { image, directory, writesDrive } = this.#options;',
      replace: 'const { image, directory } = this.#options;',
    },
  },
  {
    name: 'an untrusted bitmap is at rest again after the next change',
    file: binding('read-binding.ts'),
    find: '{ ...record, inUse: true, ...told(found) }',
    replace: '{ ...record, ...told(found) }',
  },
  {
    name: 'a file system that the drive was moved to is not noticed, within one boot',
    file: binding('compare-facts.ts'),
    find: 'if (then.device !== now.device && !isOtherBoot(then, now)) {',
    replace: 'if (then.device !== now.device && then.bootId === now.bootId && !then.bootId) {',
  },
  {
    name: 'a restart of the system costs the bitmaps of a file',
    file: binding('compare-facts.ts'),
    find: 'if (then.device !== now.device && !isOtherBoot(then, now)) {',
    replace: 'if (then.device !== now.device) {',
  },
  {
    name: 'a write may begin until the very end of the lease',
    file: binding('lease.ts'),
    find: 'return left >= MARGIN && left <= LEASE;',
    replace: 'return left >= 0 && left <= LEASE && MARGIN > 0;',
  },
  {
    name: 'a lease is relied on before it is durable',
    file: binding('lease.ts'),
    find: 'this.#until = await this.#options.write();',
    replace:
      'const written = this.#options.write();\n      this.#until = this.#options.now() + LEASE;\n      await written;',
  },
  {
    name: 'a clock that is set back makes the lease longer',
    file: binding('lease.ts'),
    find: 'return left >= MARGIN && left <= LEASE;',
    replace: 'return left >= MARGIN;',
  },
  {
    name: 'an older copy of the drive is trusted after a crash',
    file: binding('recovery.ts'),
    find: 'if (drive.modified < modified || drive.changed < changed) {',
    replace: 'if (drive.modified < 0n || changed < 0n || modified < 0n) {',
  },
  {
    name: 'a drive counts as at rest while a write is under way',
    file: binding('lease.ts'),
    find: 'const isActive = !this.isQuiet || this.#renewal !== undefined;',
    replace: 'const isActive = this.#renewal !== undefined;',
    also: {
      find: 'return this.#begun === this.#ended;',
      replace: 'return true;',
    },
  },
  {
    name: 'a write that begins while it comes to rest is not seen',
    file: binding('recording-session.ts'),
    find: 'const isQuiet = this.lease.isQuiet && this.lease.begun === begun;',
    replace: 'const isQuiet = begun >= 0;',
  },
  {
    name: 'writes go on under a lease that was given up',
    file: binding('recording-session.ts'),
    find: '      this.lease.giveUp();\n',
    replace: '',
  },
  {
    name: 'what comes to rest is not made durable before',
    file: binding('recording-session.ts'),
    find: 'const drive = await this.ownFacts({ durable: true }).catch(',
    replace: 'const drive = await this.ownFacts({}).catch(',
  },
  {
    name: 'nobody looks whether the drive was written meanwhile',
    file: binding('drive-watch.ts'),
    find: 'const foreign = this.#isOn ? this.#foreignIn({ facts, begun }) : undefined;',
    replace:
      'const foreign = this.#isOn && begun < 0 ? this.#foreignIn({ facts, begun }) : undefined;',
  },
  {
    name: 'a write after our last one is taken for ours',
    file: binding('drive-watch.ts'),
    find: 'return begun === 0 ? undefined : this.#laterThanOurs(facts);',
    replace: 'return begun >= 0 ? undefined : this.#laterThanOurs(facts);',
  },
  {
    name: 'a stranger is found out for as long as the session lasts only',
    file: binding('recording-session.ts'),
    find: "if (control.state === 'idle') return undefined;\n      this.#isGivenUp = true;",
    replace: 'if (control.state !== undefined) return undefined;\n      this.#isGivenUp = true;',
  },
  {
    name: 'a block device is judged by what was counted so far',
    file: binding('read-binding.ts'),
    find: 'drive.facts?.({ durable: true, settled: false })',
    replace: 'drive.facts?.({ settled: false })',
  },
  {
    name: 'a block device is trusted after a crash in the midst of writing',
    file: binding('recovery.ts'),
    find: "if (drive.kind !== 'file' || control.drive.kind !== 'file') {",
    replace: "if (drive.kind !== 'file') return undefined;\n  if (control.drive.kind !== 'file') {",
  },
  {
    name: 'a drive that was written between open and first use is taken as it is',
    file: binding('binding.ts'),
    find: 'const why = isAtStake && this.#idleFacts ? whyChanged(this.#idleFacts, drive) : undefined;',
    replace: 'const why = undefined as ReturnType<typeof whyChanged>;',
    also: {
      find: 'const isAtStake = directory.records.some(({ enabled, inUse }) => enabled && !inUse);',
      replace: 'void directory, drive;',
    },
  },
  {
    name: 'a block device is trusted after a restart without a look at its content',
    file: binding('across-boots.ts'),
    find: 'if (sample === fingerprint) return undefined;',
    replace: 'if (sample.length === fingerprint?.length) return undefined;',
  },
  {
    name: 'a block device that was written since a restart is trusted by a sample',
    file: binding('across-boots.ts'),
    find: 'if (written === 0n) return undefined;',
    replace: 'if (written !== undefined) return undefined;',
  },
  {
    name: 'an old sample is kept for new content',
    file: binding('binding.ts'),
    find: "if (before?.kind === 'block device' && whyChanged(before, drive) === undefined) {",
    replace: "if (before?.kind === 'block device' && before.fingerprint) {",
  },
  {
    name: 'only the beginning of a drive is sampled',
    file: binding('fingerprint.ts'),
    find: 'chosen.add(i).add(count - 1 - i);',
    replace: 'chosen.add(i);',
  },
];

/** Each breaks how tracking keeps to the lease of a store. */
export const LEASE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a write does not ask for the lease',
    file: 'packages/tracking/src/live/live-marks.ts',
    find: 'if (hasLapsed(this.#tracked)) return false;',
    replace: '',
  },
  {
    name: 'a write is made although the lease could not be renewed',
    file: 'packages/tracking/src/live/live-marks.ts',
    find: "if (!isTidemarkError(error, 'BITMAP_INCONSISTENT')) throw error;",
    replace: 'if (!isTidemarkError(error)) throw error;',
  },
  {
    name: 'the lease of one store stands for that of another',
    file: 'packages/tracking/src/live/live-tracking.ts',
    find: 'for (const { lease } of tracked) if (lease?.allowsWrite() === false) return true;',
    replace:
      'for (const { lease } of [...tracked].slice(0, 1)) if (lease?.allowsWrite() === false) return true;',
  },
];

/** Each breaks one rule by which bitmaps in a file that was cut short are given up. */
export const CUT_MUTANTS: readonly Mutant[] = [
  {
    name: 'bits of a file that was cut short are written on',
    file: 'packages/qcow2/src/host-metadata.ts',
    find: '    await this.#assertWhole();\n',
    replace: '',
  },
  {
    name: 'bitmaps of a file that was cut short are vouched for still',
    file: 'packages/qcow2/src/give-up-bitmaps.ts',
    find: '    await owner.patch({ autoclear });\n',
    replace: '',
  },
];

/** Each makes a file that was cut short as long again. */
export const GAP_MUTANTS: readonly Mutant[] = [
  {
    name: 'a file that was cut short is grown',
    file: 'packages/block/src/file/file-device.ts',
    find: 'const before = this.#size;\n    this.assertWhole();',
    replace: 'const before = this.#size;',
  },
  {
    name: 'a file that was cut short is written at its end',
    file: 'packages/block/src/file/file-device.ts',
    find: 'end === this.#size && sizeNow() < end',
    replace: 'end === this.#size && sizeNow() > end',
  },
];
