import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Option } from '../../packages/nbd/src/protocol/handshake.ts';
import { Command, CommandFlag, ExportFlag } from '../../packages/nbd/src/protocol/transmission.ts';
import { type Daemon, startDaemon } from '../programs.ts';
import { describeWithQemu, run, tempDir } from '../qemu.ts';
import {
  COMMAND_OF,
  contextsOf,
  exportFlags,
  knowsCommand,
  knowsOption,
  type Manner,
} from './nbd-servers.ts';
import { read, rowsOf } from './tables.ts';

interface Situation extends Manner {
  readonly writable?: boolean;
  /** More than one client may come in. */
  readonly shared?: boolean;
}

/** What the cells of the table of flags say, as conditions. */
const SAID: Readonly<Record<string, (about: Situation) => boolean>> = {
  always: () => true,
  'always, unless told otherwise': () => true,
  never: () => false,
  'if it is': ({ writable }) => writable !== true,
  'if writable': ({ writable }) => writable === true,
  // A qcow2 image does.
  'where the drive gives space back': ({ writable }) => writable === true,
  'with structured replies': ({ structured, extended }) => structured === true || extended === true,
  'where clients may share it': ({ shared }) => shared === true,
  'with extended headers, if there are contexts': ({ extended }) => extended === true,
};

describeWithQemu('docs/nbd.md beside the programs', ['qemu-nbd', 'qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const at = (name: string) => join(dir, name);
  const pids: number[] = [];
  const daemons: Daemon[] = [];
  let isNewQemu = false;

  async function startQemu(name: string, ...args: readonly string[]) {
    const fixed = ['--fork', '-t', '-x', 'exp', '--discard', 'unmap', '-f', 'qcow2'];
    const place = ['--pid-file', at(`${name}.pid`), '-k', at(name)];
    await run('qemu-nbd', ...fixed, ...place, ...args, at(`${name}.qcow2`));
    pids.push(Number(readFileSync(at(`${name}.pid`), 'utf8')));
  }

  beforeAll(async () => {
    for (const name of ['ours', 'ours-ro', 'shared', 'alone', 'theirs-ro']) {
      const image = at(`${name}.qcow2`);
      await run('qemu-img', 'create', '-q', '-f', 'qcow2', image, '1M');
      await run('qemu-img', 'bitmap', '--add', image, 'nightly');
      await run('qemu-img', 'bitmap', '--add', image, 'weekly');
    }
    const [, major, minor] = /(\d+)\.(\d+)/.exec(await run('qemu-nbd', '--version'))!;
    isNewQemu = Number(major) * 100 + Number(minor) >= 802;
    await startQemu('shared', '-e', '0', '-A', '-B', 'nightly');
    await startQemu('alone');
    await startQemu('theirs-ro', '-r');
    for (const [name, more] of [
      ['ours', ''],
      ['ours-ro', ',read-only=on'],
    ] as const) {
      const daemon = await startDaemon(
        ...['-drive', `file=${at(`${name}.qcow2`)},format=qcow2,id=exp${more}`],
        ...['--nbd-server', `addr.type=unix,addr.path=${at(name)}`],
      );
      daemons.push(daemon);
    }
  });
  afterAll(async () => {
    for (const pid of pids) process.kill(pid);
    for (const daemon of daemons) await daemon.stop();
  });

  const page = read('docs/nbd.md');
  const expected = (cell: string) => (cell === 'no, from 8.2 on' ? isNewQemu : cell === 'yes');

  it('says which options both know', async () => {
    for (const [name, here, qemu] of rowsOf(page, 'option')) {
      const code = Option[name as keyof typeof Option];
      expect(await knowsOption(at('ours'), code), `here ${name}`).toBe(expected(here!));
      expect(await knowsOption(at('shared'), code), `QEMU ${name}`).toBe(expected(qemu!));
    }
    expect(await knowsOption(at('ours'), 77)).toBe(false);
    expect(await knowsOption(at('shared'), 77)).toBe(false);
  });

  it('says which commands and flags of them both know', async () => {
    for (const [name, here, qemu] of rowsOf(page, 'command')) {
      const type = Command[name as keyof typeof Command];
      expect(await knowsCommand(at('ours'), type), `here ${name}`).toBe(expected(here!));
      expect(await knowsCommand(at('shared'), type), `QEMU ${name}`).toBe(expected(qemu!));
    }
    const flags = rowsOf(page, 'flag of a command');
    // One that only extended headers have is as good as they are.
    expect(flags.at(-1)?.slice(0, 3)).toEqual(['PAYLOAD_LEN', 'yes', 'no, from 8.2 on']);
    for (const [name, here, qemu] of flags.slice(0, -1)) {
      const flag = CommandFlag[name as keyof typeof CommandFlag];
      const type = COMMAND_OF[flag]!;
      expect(await knowsCommand(at('ours'), type, flag), `here ${name}`).toBe(expected(here!));
      expect(await knowsCommand(at('shared'), type, flag), `QEMU ${name}`).toBe(expected(qemu!));
    }
    for (const server of ['ours', 'shared']) {
      expect(await knowsCommand(at(server), 77)).toBe(false);
      expect(await knowsCommand(at(server), Command.READ, 1 << 9)).toBe(false);
    }
  });

  it('says when an export has which flags', async () => {
    const manners: readonly Manner[] = [{}, { structured: true }, { extended: true }];
    const servers: readonly (readonly [string, 1 | 2, Situation])[] = [
      ['ours', 1, { writable: true, shared: true }],
      ['ours-ro', 1, { writable: false, shared: true }],
      ['shared', 2, { writable: true, shared: true }],
      ['alone', 2, { writable: true }],
      ['theirs-ro', 2, { writable: false }],
    ];
    for (const [server, column, about] of servers) {
      for (const manner of manners.filter(
        ({ extended }) => !extended || column === 1 || isNewQemu,
      )) {
        const flags = await exportFlags(at(server), manner);
        for (const row of rowsOf(page, 'flag')) {
          const flag = ExportFlag[row[0] as keyof typeof ExportFlag];
          const cell = row[column]!;
          const isSaid =
            cell === 'no, from 8.2 on' ? isNewQemu && manner.extended === true : SAID[cell]!;
          const wanted = typeof isSaid === 'boolean' ? isSaid : isSaid({ ...about, ...manner });
          expect((flags & flag) !== 0, `${row[0]} of ${server} ${JSON.stringify(manner)}`).toBe(
            wanted,
          );
        }
      }
    }
  });

  it('says which contexts there are', async () => {
    const rows = rowsOf(page, 'context').map((cells) => cells.slice(0, 3));
    expect(rows).toEqual([
      ['base:allocation', 'always', 'always'],
      ['qemu:allocation-depth', 'unless switched off', 'if asked for'],
      ['qemu:dirty-bitmap:NAME', 'each bitmap of the drive', 'each that was named'],
    ]);
    const bitmaps = ['qemu:dirty-bitmap:nightly', 'qemu:dirty-bitmap:weekly'];
    const depth = 'qemu:allocation-depth';
    expect((await contextsOf(at('ours'))).toSorted()).toEqual([
      'base:allocation',
      depth,
      ...bitmaps,
    ]);
    expect((await contextsOf(at('shared'))).toSorted()).toEqual([
      'base:allocation',
      depth,
      bitmaps[0],
    ]);
    expect(await contextsOf(at('theirs-ro'))).toEqual(['base:allocation']);
  });
});
