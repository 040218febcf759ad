import { text } from 'node:stream/consumers';
import { truncateSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { startWithSocket } from '../../../../tools/hand-socket.ts';
import { describeWithQemu, run, tempDir } from '../../../../tools/qemu.ts';
import { BOTH, commandOf, type NbdProgram, pidOf } from '../support/nbd-programs.ts';

/** `R` stands for a raw file of 4 MiB; what LISTEN_FDS says is in front. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['1', '-k /tmp/s R'],
  ['1', '-b 127.0.0.1 R'],
  ['1', '-p 10809 R'],
  ['1', '-p 1 -b x -k /tmp/s R'],
  ['1', '-L'],
  ['1', '-L -p 1'],
  ['1', 'R R'],
  ['1', '--tls-creds=x -b 1 R'],
  ['2', 'R'],
  ['2', '-k /tmp/s R'],
  ['+1', '-p 1 R'],
  // These say nothing, and the other option is looked at.
  ['x', '-b 127.0.0.1 -p abc R'],
  ['1 ', '-b 127.0.0.1 -p abc R'],
  ['0', '-b 127.0.0.1 -p abc R'],
];

describeWithQemu('a socket that systemd has opened', ['qemu-nbd', 'nbdinfo', 'nbdcopy'], () => {
  const dir = tempDir();
  const raw = join(dir, 'r.raw');
  const read = (line: string) => line.split(' ').map((word) => (word === 'R' ? raw : word));

  beforeAll(() => {
    writeFileSync(raw, 'content');
    truncateSync(raw, 4 * 2 ** 20);
  });

  async function refusal(program: NbdProgram, count: string, line: string) {
    const command = [...commandOf(program), '-f', 'raw', ...read(line)];
    // -L stands alone: with -f it is refused for that.
    const words = line.startsWith('-L') ? [...commandOf(program), ...read(line)] : command;
    const { child } = await startWithSocket({ host: '127.0.0.1' }, words, count);
    const [stderr, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
    return { code, stderr: stderr.replaceAll('qemu-nbd', 'tidemark nbd') };
  }

  it.each(REFUSED)('LISTEN_FDS=%s %s', async (count, line) => {
    const theirs = await refusal('qemu-nbd', count, line);
    expect(theirs.code).toBe(1);
    expect(await refusal('tidemark nbd', count, line)).toEqual(theirs);
  });

  it.each(BOTH)("%s is started by libnbd's programs", async (program) => {
    const line = ['[', ...commandOf(program), '-f', 'raw', raw, ']'];
    expect(await run('nbdinfo', '--size', '--', ...line)).toBe(`${4 * 2 ** 20}\n`);
    const copy = join(dir, 'copy');
    await run('nbdcopy', '--', ...line, copy);
    await run('cmp', raw, copy);
  });

  it.each(BOTH)('%s serves on it in the background', async (program) => {
    const pidFile = join(dir, 'pid');
    const line = ['-t', '-r', '--fork', `--pid-file=${pidFile}`, '-f', 'raw', raw];
    const command = [...commandOf(program), ...line];
    const { child, port } = await startWithSocket({ host: '127.0.0.1' }, command);
    expect(await once(child, 'exit')).toEqual([0, null]);
    const { pid, gone } = pidOf(pidFile);
    expect(await run('nbdinfo', '--size', `nbd://127.0.0.1:${port}`)).toBe(`${4 * 2 ** 20}\n`);
    process.kill(pid);
    await gone();
  });
});
