import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { expectLocks, lookAhead } from '@tidemark/block/look-ahead';
import { isTidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { findTools } from '../src/helper/tools.ts';
import { lacksHelpers } from './support/gates.ts';

const dir = tempDir();
/** Locks the byte that says that the file is written, tells so, and ends with its input. */
const WRITER = `
open(my $file, '+<', $ARGV[0]) or exit 1;
my $lock = pack('s s x4 q q l x4', 0, 0, 101, 1, 0);
fcntl($file, 37, $lock) or exit 2;
$| = 1; print "locked\\n"; <STDIN>;
`;

async function writerOf(path: string) {
  const child = spawn(findTools().perl!, ['-e', WRITER, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

async function looks(path: string): Promise<'free' | 'locked'> {
  try {
    await (await openFileDevice(path, { lock: 'look' })).close();
    return 'free';
  } catch (error) {
    if (isTidemarkError(error, 'LOCKED')) return 'locked';
    throw error;
  }
}

describe.skipIf(lacksHelpers('locks that were read ahead'))('locks that were read ahead', () => {
  it('tell of a writer, and are asked once', async () => {
    const path = join(dir, 'disk');
    await writeFile(path, new Uint8Array(4096));
    const writer = await writerOf(path);
    const ahead = lookAhead();
    expect(await ahead).toMatch(/^1: /);
    writer.stdin.end();
    await once(writer, 'exit');
    expectLocks(ahead);
    // It was there when they were read; now it is gone.
    expect(await looks(path)).toBe('locked');
    expect(await looks(path)).toBe('free');
  });

  it('are read anew where there are none', async () => {
    const path = join(dir, 'other');
    await writeFile(path, new Uint8Array(4096));
    const writer = await writerOf(path);
    expectLocks(Promise.resolve(undefined));
    expect(await looks(path)).toBe('locked');
    writer.stdin.end();
    await once(writer, 'exit');
  });
});
