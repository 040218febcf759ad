import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Picture } from '@tidemark/picture';
import { beforeAll, describe, expect, it } from 'vitest';
import { TIDEMARK } from '../../../tools/programs.ts';
import { sh, tempDir } from '../../../tools/qemu.ts';
import { guestWrites, makeDrive } from './support/drives.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const MiB = 1024 * 1024;
const PNG = Buffer.from('\u0089PNG\r\n\u001a\n', 'latin1');

describe('pictures', () => {
  const dir = tempDir();
  const drive = join(dir, 'vm.qcow2');
  const repository = join(dir, 'site');

  beforeAll(async () => {
    await makeDrive(drive, 'qcow2', 64 * MiB, [{ offset: 0, length: MiB, byte: 1 }]);
    await succeed('bitmap', 'add', drive, 'nightly', '-g', '1M');
    await succeed('repo', 'create', repository);
    await succeed('backup', drive, repository, '--chain', 'site');
    await guestWrites(drive, [{ offset: 10 * MiB, length: 4 * MiB, byte: 3 }]);
    await succeed('backup', drive, repository, '--chain', 'site');
  });

  it('show where a bitmap is dirty, folded into rows', async () => {
    const args = ['bitmap', 'show', drive, 'nightly', '--columns', '8'];
    const empty = '·'.repeat(8);
    const rows = [empty, '··████··', empty, empty, empty, empty, empty, empty];
    const labels = rows.map((_, index) => (index === 0 ? '0 B' : `${index * 8} MiB`).padStart(6));
    expect(await succeed(...args)).toBe(
      [
        'nightly: 4 MiB of 64 MiB dirty',
        ...rows.map((row, index) => `${labels[index]}  ${row}`),
        'a cell is 1 MiB',
        '',
      ].join('\n'),
    );
    const coloured = await succeed(...args, '--colour', 'always');
    expect(coloured).toContain('\u001b[48;2;105;22;97m    \u001b[48;2;226;230;235m  \u001b[0m');
  });

  const script = '/usr/bin/script';
  if (!existsSync(script)) console.warn(`SKIPPED: colours on a terminal: needs ${script}`);
  it.skipIf(!existsSync(script)).each([
    ['truecolor', true],
    ['', false],
  ])('have colours on a terminal that has them: COLORTERM=%s', async (colorterm, isColoured) => {
    const line = `${process.execPath} ${TIDEMARK} bitmap show ${drive} nightly`;
    const environment = `env -u NO_COLOR -u CI COLORTERM=${colorterm} TERM=xterm`;
    const { stdout } = await sh(script, '-qec', `${environment} ${line}`, '/dev/null');
    expect(stdout.includes('\u001b[48;2;')).toBe(isColoured);
  });

  it('are numbers as JSON', async () => {
    const args = ['bitmap', 'show', drive, 'nightly', '--columns', '32'];
    const { rows, cellSize } = (await succeedJson(...args)) as Picture;
    expect({ rows: rows.length, cellSize }).toEqual({ rows: 2, cellSize: MiB });
    expect([...rows[0]!.dirty].flatMap((part, cell) => (part > 0 ? [cell, part] : []))).toEqual([
      ...[10, 1, 11, 1, 12, 1, 13, 1],
    ]);
  });

  it('go into files instead', async () => {
    const files = ['--svg', join(dir, 'a.svg'), '--png', join(dir, 'a.png')];
    expect(await succeed('bitmap', 'show', drive, 'nightly', ...files)).toBe('');
    expect(readFileSync(join(dir, 'a.svg'), 'utf8')).toContain('4 MiB of 64 MiB dirty</title>');
    expect(readFileSync(join(dir, 'a.png')).subarray(0, 8)).toEqual(PNG);
    const nowhere = join(dir, 'none/a.svg');
    const { code } = await fail('bitmap', 'show', drive, 'nightly', '--svg', nowhere);
    expect(code).toBe('FILE_NOT_FOUND');
  });

  it('show what changed when, over the points of a drive', async () => {
    const lines = (await succeed('history', repository)).split('\n');
    expect(lines[0]).toContain('64 MiB');
    expect(lines[1]).toMatch(/^1 {2}[-\dT: ]+ {2}█·{63} {2}1 MiB$/);
    expect(lines[2]).toMatch(/^2 {2}[-\dT: ]+ {2}·{10}█{4}·{50} {2}4 MiB$/);
    expect(lines[3]).toBe('a cell is 1 MiB');
    const svg = join(dir, 'history.svg');
    await succeed('history', repository, '--svg', svg);
    expect(readFileSync(svg, 'utf8')).toContain('Where each of 2 restore points differs');
  });

  it.each(['0', '1001', '1.5', 'x'])('are not %s cells wide', async (columns) => {
    const { code } = await fail('bitmap', 'show', drive, 'nightly', '--columns', columns);
    expect(code).toBe('USAGE');
  });
});
