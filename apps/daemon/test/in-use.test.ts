import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { expect, it } from 'vitest';
import { startDaemon, tidemark } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { bitmapsOf } from './support/serving.ts';

const dir = tempDir();

it('a sidecar that the daemon uses is in use for who looks, and is not after its end', async () => {
  const path = join(dir, 'd.raw');
  await (await createDrive(path, { format: 'raw', size: 1024 * 1024 })).device.close();
  const daemon = await startDaemon(
    ...['-drive', `file=${path},format=raw,id=d`, '-dirty-bitmap', 'name=n,drive=d,create=on'],
    ...['--nbd-server', `addr.type=unix,addr.path=${dir}/nbd.sock`],
  );
  const { n } = await bitmapsOf(path, '--force-share', '--format', 'raw');
  expect(n).toMatchObject({ state: 'in-use', enabled: true, dirtyBytes: null });
  expect(n).not.toHaveProperty('reason');
  const { stdout } = await tidemark('info', path, '--force-share', '--format', 'raw');
  expect(stdout).toMatch(/^ {2}n: .* recording, in-use$/m);
  await daemon.stop('SIGKILL');
  // Nobody has it now, so that it is what the crash left.
  expect((await bitmapsOf(path, '--format', 'raw'))['n']).toMatchObject({ state: 'stored' });
  const { n: unlocked } = await bitmapsOf(path, '--force-share', '--format', 'raw');
  expect(unlocked).toMatchObject({ state: 'inconsistent', rule: 'in-use' });
});
