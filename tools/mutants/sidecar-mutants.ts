import type { Mutant } from './sandbox.ts';

const binding = (file: string) => `packages/store-sidecar/src/binding/${file}`;

/** Each breaks one rule by which a sidecar is tied to its drive. */
export const SIDECAR_MUTANTS: readonly Mutant[] = [
  {
    name: 'a sidecar at rest trusts a drive that was changed',
    file: binding('judge.ts'),
    find: "if (control.state === 'idle') return changed === undefined ? ofInUse : untrusted(changed);",
    replace: "if (control.state === 'idle') return ofInUse;",
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
    find: 'directory.offset !== seal.offset || directory.crc !== seal.crc',
    replace: 'directory.offset !== seal.offset',
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
    find: "await this.#facts({ durable: state === 'idle' });",
    replace: 'await this.#facts();',
  },
  {
    name: 'a close makes bitmaps trusted that were found untrusted',
    file: binding('binding.ts'),
    find: 'if (isIdle && whyChanged(control.drive, drive) === undefined) this.#idleFacts = drive;',
    replace: 'if (isIdle) this.#idleFacts = control.drive;',
  },
  {
    name: 'anybody who has the sidecar open binds it anew',
    file: binding('binding.ts'),
    find: 'if (!writesDrive || !image.writable || before === undefined) return;',
    replace: 'if (!image.writable || before === undefined) return;',
    also: {
      find: 'const { image, writesDrive } = this.#options;',
      replace: 'const { image } = this.#options;',
    },
  },
  {
    name: 'an untrusted bitmap is at rest again after the next change',
    file: binding('binding.ts'),
    find: '{ ...record, inUse: true, ...found }',
    replace: '{ ...record, ...found }',
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
];

/** Each breaks how tracking keeps to the lease of a store. */
export const LEASE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a write does not ask for the lease',
    file: 'packages/tracking/src/live/live-marks.ts',
    find: 'if (this.#lapsed().length > 0) return false;',
    replace: '',
  },
  {
    name: 'a write is made although the lease could not be renewed',
    file: 'packages/tracking/src/live/live-marks.ts',
    find: 'await Promise.all(lapsed.map((lease) => lease.renew()));',
    replace:
      'await Promise.all(lapsed.map((lease) => lease.renew().catch(() => this.#tracked.clear())));',
  },
  {
    name: 'the lease of one store stands for that of another',
    file: 'packages/tracking/src/live/live-marks.ts',
    find: 'for (const { lease } of this.#tracked) if (lease?.allowsWrite() === false) lapsed.add(lease);',
    replace:
      'for (const { lease } of [...this.#tracked].slice(0, 1)) if (lease?.allowsWrite() === false) lapsed.add(lease);',
  },
];
