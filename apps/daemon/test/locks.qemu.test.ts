import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { startDaemon, tidemark } from '../../../tools/programs.ts';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { digestsOf, dirtyRanges, guestWrite, serving } from './support/serving.ts';

const SIZE = 1024 * 1024;
const FORMATS = ['qcow2', 'raw'] as const;
type Format = (typeof FORMATS)[number];

/** Has the drive open for writing until it is called. */
type Release = () => Promise<void>;

describeWithQemu(
  'a drive that one program writes',
  ['qemu-img', 'qemu-io', 'qemu-nbd', 'qemu-storage-daemon'],
  () => {
    const dir = tempDir();
    const pathOf = (format: Format) => join(dir, `disk.${format}`);
    const socket = join(dir, 'nbd.sock');
    let count = 0;
    let release: Release | undefined;

    beforeAll(async () => {
      for (const format of FORMATS) {
        await run('qemu-img', 'create', '-q', '-f', format, pathOf(format), String(SIZE));
        const drive = ['-drive', `file=${pathOf(format)},format=${format},id=vm`];
        const bitmap = ['-dirty-bitmap', 'name=n,create=on'];
        await serving(dir, [...drive, ...bitmap], (uriOf) => guestWrite(uriOf('vm'), 0, 512));
      }
    });
    afterEach(async () => {
      await release?.();
      release = undefined;
    });

    const tidemarkd = async (format: Format): Promise<Release> => {
      const daemon = await startDaemon(
        ...['-drive', `file=${pathOf(format)},format=${format},id=vm`],
        ...['--nbd-server', `addr.type=unix,addr.path=${socket}`],
      );
      return async () => void (await daemon.stop());
    };
    /** Ready when its pid file is there. */
    const program = async (name: string, args: readonly string[]): Promise<Release> => {
      const pidFile = join(dir, `${name}-${count++}.pid`);
      const option = name === 'qemu-nbd' ? '--pid-file' : '--pidfile';
      const child = spawn(name, [...args, `${option}=${pidFile}`], { stdio: 'ignore' });
      await expect
        .poll(() => existsSync(pidFile) || child.exitCode, { timeout: 20_000 })
        .not.toBe(null);
      if (!existsSync(pidFile)) throw new Error(`${name} ended with ${child.exitCode}`);
      return () => ended(child);
    };
    const argsOf = (format: Format): Readonly<Record<string, readonly string[]>> => ({
      'qemu-nbd': ['-f', format, '-t', '-k', `${socket}.qemu`, pathOf(format)],
      // A virtual machine opens its disks as this does.
      'qemu-storage-daemon': [
        `--blockdev=driver=file,node-name=f,filename=${pathOf(format)}`,
        `--blockdev=driver=${format},node-name=d,file=f`,
        `--nbd-server=addr.type=unix,addr.path=${socket}.vm`,
        '--export=type=nbd,id=e,node-name=d,writable=on',
      ],
    });
    const held: Readonly<Record<string, (format: Format) => Promise<Release>>> = {
      tidemarkd,
      'qemu-nbd': (format) => program('qemu-nbd', argsOf(format)['qemu-nbd']!),
      'qemu-storage-daemon': (format) =>
        program('qemu-storage-daemon', argsOf(format)['qemu-storage-daemon']!),
    };
    /** Each has to fail at once. What it says. */
    const attempts: Readonly<Record<string, (format: Format) => Promise<string>>> = {
      tidemarkd: (format) => tidemarkd(format).then(late, String),
      'tidemark bitmap clear': (format) =>
        refused(tidemark('bitmap', 'clear', pathOf(format), 'n', '--format', format)),
      'qemu-img resize': (format) =>
        refused(sh('qemu-img', 'resize', '-f', format, pathOf(format), '+1M')),
      'qemu-img convert': (format) =>
        refused(sh('qemu-img', 'convert', '-O', 'raw', '-f', format, pathOf(format), `${dir}/x`)),
      'qemu-io write': (format) =>
        refused(sh('qemu-io', '-f', format, '-c', 'write 0 512', pathOf(format))),
      'qemu-nbd': (format) => refused(sh('qemu-nbd', ...argsOf(format)['qemu-nbd']!)),
      'qemu-storage-daemon': (format) =>
        refused(sh('qemu-storage-daemon', ...argsOf(format)['qemu-storage-daemon']!)),
    };

    const theirs = Object.keys(attempts).filter((name) => !name.startsWith('tidemark'));
    const ours = Object.keys(attempts).filter((name) => name.startsWith('tidemark'));
    const cases = FORMATS.flatMap((format) =>
      Object.keys(held).map((first) => {
        // QEMU's programs keep each other out without us.
        const seconds = first === 'tidemarkd' ? [...ours, ...theirs] : ours;
        return { format, first, seconds };
      }),
    );

    it.each(cases)('is refused to anybody else ($format, $first has it)', async (one) => {
      const { format, first, seconds } = one;
      release = await held[first]!(format);
      const before = digestsOf(dir)[`disk.${format}`];
      for (const second of seconds) {
        const said = await attempts[second]!(format);
        expect(said, second).toMatch(/LOCKED|[Ff]ailed to get .*lock|in use/);
      }
      expect(digestsOf(dir)[`disk.${format}`]).toBe(before);
      await release();
      release = undefined;
      expect(await dirtyRanges(pathOf(format), 'n', '--format', format)).toEqual([[0, 65_536]]);
    });

    it.each(FORMATS)('is for the next one as soon as the daemon is killed (%s)', async (format) => {
      const daemon = await startDaemon(
        ...['-drive', `file=${pathOf(format)},format=${format},id=vm`],
        ...['--nbd-server', `addr.type=unix,addr.path=${socket}`],
      );
      await guestWrite(`nbd+unix:///vm?socket=${socket}`, 0, 512);
      await daemon.stop('SIGKILL');
      release = await tidemarkd(format);
      expect(await attempts['tidemarkd']!(format)).toMatch(/LOCKED/);
    });
  },
);

/** @throws: it should not have come so far */
async function late(release: Release): Promise<string> {
  await release();
  return 'it was let in';
}

async function refused(attempt: Promise<{ code: number; stdout: string; stderr: string }>) {
  const { code, stdout, stderr } = await attempt;
  return code === 0 ? 'it was let in' : `${stdout}${stderr}`;
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  if (child.exitCode === null) await exit;
}
