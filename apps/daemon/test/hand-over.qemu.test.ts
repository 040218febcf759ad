import { join } from 'node:path';
import { QmpClient } from '@tidemark/qmp';
import { expect, it } from 'vitest';
import { type Daemon, startDaemon, tidemark } from '../../../tools/programs.ts';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { bitmapFlags, dirtyByQemu, dirtyOf, qemuIo } from './support/qemu-view.ts';
import { startStorageDaemon } from './support/storage-daemon.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

async function sha256Of(qmp: QmpClient, name: string): Promise<unknown> {
  return qmp.execute('x-debug-block-dirty-bitmap-sha256', { node: 'vm', name });
}

describeWithQemu(
  'a bitmap between QEMU and Tidemark',
  ['qemu-img', 'qemu-io', 'qemu-nbd', 'qemu-storage-daemon', 'nbdinfo'],
  () => {
    const dir = tempDir();
    const image = join(dir, 'disk.qcow2');
    const socket = join(dir, 'nbd.sock');
    const control = join(dir, 'qmp.sock');
    const uri = `nbd+unix:///vm?socket=${socket}`;

    async function serve(...more: readonly string[]): Promise<{ daemon: Daemon; qmp: QmpClient }> {
      return serveWith('live', ...more);
    }

    async function serveWith(durability: 'live' | 'close', ...more: readonly string[]) {
      const daemon = await startDaemon(
        ...['-drive', `file=${image},format=qcow2,id=vm,durability=${durability}`, ...more],
        ...['--nbd-server', `addr.type=unix,addr.path=${socket}`, '--qmp', `unix:${control}`],
      );
      return { daemon, qmp: await QmpClient.connect(control) };
    }

    it('is begun by QEMU, continued by Tidemark and gone on with by QEMU', async () => {
      await run('qemu-img', 'create', '-q', '-f', 'qcow2', image, '100M');
      const first = await startStorageDaemon(dir, image);
      for (const [name, granularity] of [
        ['coarse', 65_536],
        ['fine', 512],
      ] as const) {
        const args = { node: 'vm', name, granularity, persistent: true };
        await first.qmp.execute('block-dirty-bitmap-add', args);
      }
      await qemuIo(
        first.uri,
        'raw',
        'write -P 1 0 64k',
        'write -P 2 10M 1M',
        'write -P 3 50000001 7',
      );
      const byQemu = {
        coarse: await sha256Of(first.qmp, 'coarse'),
        fine: await sha256Of(first.qmp, 'fine'),
      };
      await first.quit();

      const { daemon, qmp } = await serve('-dirty-bitmap', 'name=fine,granularity=512');
      expect(await sha256Of(qmp, 'coarse')).toEqual(byQemu.coarse);
      expect(await sha256Of(qmp, 'fine')).toEqual(byQemu.fine);
      // While we hold them, QEMU sees them in use.
      await run('qemu-img', 'info', '-U', image);
      await qemuIo(
        uri,
        'raw',
        'read -P 2 10M 1M',
        'write -P 4 90M 512',
        'write -P 5 10M 64k',
        'discard 20M 1M',
      );
      const byUs = { coarse: await sha256Of(qmp, 'coarse'), fine: await sha256Of(qmp, 'fine') };
      const runs = await dirtyOf(uri, 'fine');
      expect(await daemon.stop()).toMatchObject({ code: 0 });

      await run('qemu-img', 'check', '-q', image);
      expect(await bitmapFlags(image)).toEqual({ coarse: ['auto'], fine: ['auto'] });
      expect(await dirtyByQemu(image, 'fine')).toEqual(runs);
      expect(runs).toEqual([
        [0, 64 * KIB],
        [10 * MIB, MIB],
        [20 * MIB, MIB],
        [Math.floor(50_000_001 / 512) * 512, 512],
        [90 * MIB, 512],
      ]);

      const second = await startStorageDaemon(dir, image);
      expect(await sha256Of(second.qmp, 'coarse')).toEqual(byUs.coarse);
      expect(await sha256Of(second.qmp, 'fine')).toEqual(byUs.fine);
      await second.qmp.execute('block-dirty-bitmap-clear', { node: 'vm', name: 'fine' });
      await qemuIo(second.uri, 'raw', 'read -P 4 90M 512', 'write -P 6 30M 1k');
      await second.quit();

      const dump = await tidemark('bitmap', 'dump', image, 'fine', '--json');
      expect(JSON.parse(dump.stdout)).toEqual([{ offset: 30 * MIB, length: KIB }]);
      await run('qemu-img', 'check', '-q', image);
    });

    it('is in use for QEMU while the daemon has it, and inconsistent once it was killed: durability=close', async () => {
      const { daemon } = await serveWith('close');
      const info = await run('qemu-img', 'info', '-U', '--output=json', image);
      expect(info).toContain('"in-use"');
      const refused = await startDaemon('-drive', `file=${image},id=vm`).catch(String);
      expect(refused).toMatch(/LOCKED/);
      await daemon.stop('SIGKILL');
      expect(await bitmapFlags(image)).toEqual({
        coarse: ['in-use', 'auto'],
        fine: ['in-use', 'auto'],
      });
      // A crash may leak clusters (3) and never leaves corruption (2).
      expect([0, 3]).toContain((await sh('qemu-img', 'check', '-q', image)).code);

      // Nobody names them: the drive is served, with a warning, and they stay as they are.
      const again = await serveWith('close');
      expect(again.daemon.stderr()).toContain(
        "warning: bitmap 'fine' of 'vm' was left in use by a crash",
      );
      expect(await dirtyOf(uri, 'fine').catch(String)).toMatch(/dirty-bitmap:fine/);
      expect(await again.daemon.stop()).toMatchObject({ code: 0 });
      const named = await startDaemon(
        '-drive',
        `file=${image},id=vm`,
        '-dirty-bitmap',
        'name=fine',
      ).catch(String);
      expect(named).toMatch(/BITMAP_INCONSISTENT/);

      for (const name of ['coarse', 'fine']) {
        expect(await tidemark('bitmap', 'remove', image, name)).toMatchObject({ code: 0 });
      }
      expect(await bitmapFlags(image)).toEqual({});
      await run('qemu-img', 'check', '-q', '-r', 'leaks', image);
    });
  },
);
