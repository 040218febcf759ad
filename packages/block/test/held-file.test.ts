import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openFileDevice } from '@tidemark/block';
import { isTidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { findTools } from '../src/helper/tools.ts';
import { lockFile } from '../src/locks/lock-file.ts';
import { lacksHelpers } from './support/gates.ts';

const PROGRAM = fileURLToPath(new URL('support/held-program.ts', import.meta.url));
const dir = tempDir();

function newFile(name: string): string {
  const path = `${dir}/${name}`;
  writeFileSync(path, 'x'.repeat(4096));
  return path;
}

interface Given {
  /** How the file is opened that is handed on. */
  readonly flags?: 'r' | 'r+';
  /** Whether it is locked: for writing, for reading, or not at all. */
  readonly lock?: 'write' | 'read';
  /** How the program opens it. */
  readonly access?: 'write' | 'read';
  readonly path: string;
}

/** Who is kept out while a program has opened a file, and was handed an open one. */
async function handedOn(file: string, { flags = 'r+', lock, access = 'write', path }: Given) {
  const fd = openSync(file, flags);
  const options = { writable: lock === 'write', tools: findTools() };
  const failure = lock === undefined ? undefined : await lockFile(fd, file, options);
  expect(failure).toBeUndefined();
  const args = ['--conditions=@tidemark/source', PROGRAM, path, access];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit', fd] });
  // From here on the lock is the program's.
  closeSync(fd);
  const [input, output] = [child.stdin!, child.stdout!];
  const [said] = await once(createInterface({ input: output }), 'line');
  expect(said).toBe('open');
  const keptOut = await whoIsKeptOut(path);
  const ofOther = await whoIsKeptOut(file);
  input.end();
  await once(child, 'exit');
  expect(await whoIsKeptOut(path)).toBe('nobody');
  return { keptOut, ofOther };
}

async function whoIsKeptOut(path: string): Promise<string> {
  if (await locked(path, false)) return 'all';
  return (await locked(path, true)) ? 'writers' : 'nobody';
}

async function locked(path: string, writable: boolean): Promise<boolean> {
  try {
    await (await openFileDevice(path, { writable })).close();
    return false;
  } catch (error) {
    if (!isTidemarkError(error, 'LOCKED')) throw error;
    return true;
  }
}

describe.skipIf(lacksHelpers('locks'))('an open file that is handed on', () => {
  it('is the one that is opened, and stays locked until it is closed', async () => {
    const path = newFile('one');
    expect(await handedOn(path, { lock: 'write', path })).toMatchObject({ keptOut: 'all' });
  });

  it.each<[string, Omit<Given, 'path'>, string]>([
    ['is not locked', {}, 'all'],
    ['is locked for reading', { lock: 'read' }, 'all'],
    ['was opened for reading', { lock: 'write', flags: 'r' }, 'all'],
    ['is wanted for reading', { lock: 'write', access: 'read' }, 'writers'],
  ])('is closed, and the file opened and locked anew, where it %s', async (_, given, keptOut) => {
    const path = newFile('two');
    expect(await handedOn(path, { ...given, path })).toMatchObject({ keptOut });
  });

  it('is let go of where it is another file', async () => {
    const [other, path] = [newFile('other'), newFile('three')];
    const found = await handedOn(other, { lock: 'write', path });
    expect(found).toEqual({ keptOut: 'all', ofOther: 'nobody' });
  });
});
