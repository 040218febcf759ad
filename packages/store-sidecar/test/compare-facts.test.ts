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
const LATER = 1_700_000_000_123_456_790n;

const withCounters = (changes: Partial<BlockDeviceCounters>): DriveFacts => {
  return { ...DISK, counters: { ...COUNTERS, ...changes } };
};

describe('a drive', () => {
  it('that is as it was is neither changed nor another', () => {
    for (const facts of [FILE, DISK]) {
      expect(whyChanged(facts, structuredClone(facts))).toBeUndefined();
      expect(whyAnother(facts, structuredClone(facts))).toBeUndefined();
    }
  });

  it.each<[string, DriveFacts, DriveFacts]>([
    ['another file system (device 9, not 8)', FILE, { ...FILE, device: 9n }],
    ['another file (inode 9, not 7)', FILE, { ...FILE, inode: 9n }],
    ['another file (made 2023', FILE, { ...FILE, born: LATER }],
    ['has 512 bytes, and had 4096', FILE, { ...FILE, size: 512 }],
    ['was a file and is a block device', FILE, DISK],
    ['was a block device and is a file', DISK, FILE],
    ['another block device', DISK, { ...DISK, device: 9n }],
    ['does not count', DISK, { kind: 'block device', size: 4096, device: 8n }],
    ['does not count', { kind: 'block device', size: 4096, device: 8n }, DISK],
    ['started anew', DISK, withCounters({ bootId: '0'.repeat(32) })],
    ['detached and attached', DISK, withCounters({ diskSequence: 4n })],
    ['has 512 bytes, and had 4096', DISK, { ...DISK, size: 512 }],
  ])('is another one, in words: %s', (words, then, now) => {
    expect(whyAnother(then, now)).toContain(words);
    expect(whyChanged(then, now)).toContain(words);
  });

  it.each<[string, DriveFacts, DriveFacts]>([
    [
      'written behind its bitmaps: last at 2023-11-14T22:13:20.123456790Z, ' +
        'by them at 2023-11-14T22:13:20.123456789Z',
      FILE,
      { ...FILE, modified: LATER, changed: LATER },
    ],
    ['written behind its bitmaps: last at 1970', FILE, { ...FILE, modified: 5n }],
    ['last at 2554', FILE, { ...FILE, modified: 2n ** 64n - 1n }],
    ['mode, owner, name or links', FILE, { ...FILE, changed: LATER }],
    ['100 sectors by then, 101 by now', DISK, withCounters({ writtenSectors: 101n })],
  ])('is the same one and was changed, in words: %s', (words, then, now) => {
    expect(whyChanged(then, now)).toContain(words);
    expect(whyAnother(then, now)).toBeUndefined();
  });
});
