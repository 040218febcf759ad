import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { tempDir } from '../qemu.ts';
import { runPage } from './run-page.ts';
import { patternOf, stepsOf } from './steps.ts';

const fence = '```';

describe('steps of a page', () => {
  it('are files, commands with what they print, and scripts', () => {
    const page = [
      ...['# Page', `${fence}yaml a/b.yaml`, 'x: 1', fence, '<!-- run', 'true', '-->'],
      ...[`${fence}console`, '$ one \\', '  two', 'said', '$ three', fence],
      ...[`${fence}sh`, '# not run here: too long', 'sleep 1000', fence, `${fence}sh`, 'ls', fence],
      ...[`${fence}text`, '$ no command', fence],
    ].join('\n');
    expect(stepsOf(page)).toEqual([
      { kind: 'file', path: 'a/b.yaml', text: 'x: 1\n' },
      { kind: 'command', command: 'set -e\ntrue', output: undefined, start: 5 },
      { kind: 'command', command: 'one \\\n  two', output: ['said'], start: 10 },
      { kind: 'command', command: 'three', output: [], start: 12 },
      { kind: 'command', command: 'set -e\nls', output: undefined, start: 18 },
    ]);
  });

  it('refuse a block that does not end, and output without a command', () => {
    expect(() => stepsOf(`${fence}sh\nls`)).toThrow('line 1: this block does not end');
    expect(() => stepsOf(`${fence}console\nsaid\n${fence}`)).toThrow('line 2: no command before');
  });
});

describe('what has to be printed', () => {
  it.each([
    [['a … c'], 'a b c\n', true],
    [['a … c'], 'a b\nc\n', false],
    [['a', '…', 'c'], 'a\nx\ny\nc\n', true],
    [['a', '…', 'c'], 'a\nc\n', true],
    [['a'], 'a\nb\n', false],
    [['a.c'], 'abc\n', false],
    [[], '', true],
    [[], 'a\n', false],
  ])('%j of %j: %j', (output, printed, matches) => {
    expect(patternOf(output).test(printed)).toBe(matches);
  });
});

describe('a page that is run', () => {
  const dir = tempDir();
  const run = async (name: string, page: string) =>
    (await runPage(stepsOf(page), `${dir}/${name}`)).map(({ isTrue }) => isTrue);

  it('is told the truth of', async () => {
    const page = `${fence}console\n$ echo a\na\n$ echo b\na\n$ false\n$ echo c; false\nc\n${fence}`;
    expect(await run('truth', page)).toEqual([true, false, false, true]);
    expect(await run('script', `${fence}sh\nfalse\ntrue\n${fence}`)).toEqual([false]);
  });

  it('has its files, and folders that it names from the root, to itself', async () => {
    const file = `${fence}text /etc/x.txt\nin /srv/vm\n${fence}\n`;
    const page = `${file}${fence}console\n$ cat /etc/x.txt; pwd\nin /srv/vm\n…\n${fence}`;
    expect(await run('files', page)).toEqual([true]);
  });

  it('leaves no process behind', async () => {
    const [first] = await runPage(
      stepsOf(`${fence}console\n$ sleep 1000 & echo $!\n…\n${fence}`),
      `${dir}/left`,
    );
    // Of one that has ended and that nobody has asked for, nothing but its number is left.
    const command = `/proc/${Number(first!.printed)}/cmdline`;
    await vi.waitFor(() =>
      expect(existsSync(command) && readFileSync(command, 'utf8')).toBeFalsy(),
    );
  });
});
