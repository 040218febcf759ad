import type { BlockDeviceCounters, DriveFacts, FileFacts } from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import { whyAnother, whyChanged } from '../src/binding/compare-facts.ts';

const FILE: FileFacts = {
  kind: 'file',
  size: 4096,
  modified: 1_700_000_000_123_456_789n,
  changed: 1_700_000_000_123_456_789n,
  born: 1_600_000_000_000_000_000n,
  inode: 7n,
  device: 8n,
};
const COUNTERS: BlockDeviceCounters = {
  bootId: '00112233445566778899aabbccddeeff',
  diskSequence: 3n,
  writtenSectors: 100n,
};
const DISK: DriveFacts = { kind: 'block device', size: 4096, device: 8n, counters: COUNTERS };
const BOOTED: FileFacts = { ...FILE, bootId: COUNTERS.bootId };
const OTHER_BOOT = { bootId: '0'.repeat(31) + '1' };
const LATER = 1_700_000_000_123_456_790n;

const withCounters = (changes: Partial<BlockDeviceCounters>): DriveFacts => {
  return { ...DISK, counters: { ...COUNTERS, ...changes } };
};

describe('a drive', () => {
  it('that is as it was is neither changed nor another', () => {
    for (const facts of [FILE, BOOTED, DISK]) {
      expect(whyChanged(facts, structuredClone(facts))).toBeUndefined();
      expect(whyAnother(facts, structuredClone(facts))).toBeUndefined();
    }
  });

  it.each<[string, string, DriveFacts, DriveFacts]>([
    ['device', 'another file system (device 9, not 8)', FILE, { ...FILE, device: 9n }],
    ['device', 'another file system', BOOTED, { ...BOOTED, device: 9n }],
    ['device', 'another file system', BOOTED, { ...FILE, device: 9n }],
    ['inode', 'another file (inode 9, not 7)', FILE, { ...FILE, inode: 9n }],
    ['inode', 'another file (inode 9, not 7)', BOOTED, { ...BOOTED, ...OTHER_BOOT, inode: 9n }],
    ['birth', 'another file (made 2023', FILE, { ...FILE, born: LATER }],
    ['birth', 'another file (made 2023', BOOTED, { ...BOOTED, ...OTHER_BOOT, born: LATER }],
    ['size', 'has 512 bytes, and had 4096', FILE, { ...FILE, size: 512 }],
    ['kind', 'was a file and is a block device', FILE, DISK],
    ['kind', 'was a block device and is a file', DISK, FILE],
    ['device', 'another block device', DISK, { ...DISK, device: 9n }],
    ['facts', 'does not count', DISK, { kind: 'block device', size: 4096, device: 8n }],
    ['facts', 'does not count', { kind: 'block device', size: 4096, device: 8n }, DISK],
    ['boot', 'started anew', DISK, withCounters(OTHER_BOOT)],
    ['boot', 'started anew', DISK, { ...withCounters(OTHER_BOOT), device: 9n }],
    ['diskseq', 'detached and attached', DISK, withCounters({ diskSequence: 4n })],
    ['size', 'has 512 bytes, and had 4096', DISK, { ...DISK, size: 512 }],
  ])('is another one by the rule %s, in words: %s', (rule, words, then, now) => {
    const found = { rule, reason: expect.stringContaining(words) };
    expect(whyAnother(then, now)).toEqual(found);
    expect(whyChanged(then, now)).toEqual(found);
  });

  it.each<[string, string, DriveFacts, DriveFacts]>([
    [
      'mtime',
      'written behind its bitmaps: last at 2023-11-14T22:13:20.123456790Z, ' +
        'by them at 2023-11-14T22:13:20.123456789Z',
      FILE,
      { ...FILE, modified: LATER, changed: LATER },
    ],
    ['mtime', 'written behind its bitmaps: last at 1970', FILE, { ...FILE, modified: 5n }],
    ['mtime', 'last at 2554', FILE, { ...FILE, modified: 2n ** 64n - 1n }],
    ['mtime', 'last at 2023', BOOTED, { ...BOOTED, ...OTHER_BOOT, device: 9n, modified: LATER }],
    ['ctime', 'mode, owner, name or links', FILE, { ...FILE, changed: LATER }],
    ['ctime', 'mode, owner, name or links', BOOTED, { ...BOOTED, ...OTHER_BOOT, changed: LATER }],
    ['counter', '100 sectors by then, 101 by now', DISK, withCounters({ writtenSectors: 101n })],
  ])('is the same one and was changed by the rule %s: %s', (rule, words, then, now) => {
    expect(whyChanged(then, now)).toEqual({ rule, reason: expect.stringContaining(words) });
    expect(whyAnother(then, now)).toBeUndefined();
  });

  it('A20: is the same one though its file system has another number after a restart', () => {
    const now = { ...BOOTED, ...OTHER_BOOT, device: 9n };
    expect(whyAnother(BOOTED, now)).toBeUndefined();
    expect(whyChanged(BOOTED, now)).toBeUndefined();
  });
});
