import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { connectNbd, startNbdServer } from '../src/index.ts';
import { HeldDevice } from './support/test-devices.ts';

const dir = tempDir();
const MIB = 2 ** 20;

it('a client is not answered by an export that is cut, and asks the one that comes', async () => {
  const path = join(dir, 'moved');
  await using server = await startNbdServer({ address: { type: 'unix', path }, exports: [] });
  const before = new HeldDevice({ size: MIB });
  const handle = server.add({ name: 'exp', device: before });
  const notices = Promise.withResolvers<void>();
  const uri = `nbd+unix:///exp?socket=${path}`;
  const onNotice = () => notices.resolve();
  await using disk = await connectNbd(uri, { reconnect: 30_000, onNotice });
  const writing = disk.write(Buffer.from('moved'), 0);
  await before.begun(1);
  const cut = handle.cut();
  // It has no such export until now: that is not the end for who connects again.
  await notices.promise;
  before.letGo();
  await cut;
  const after = new MemoryDevice({ size: MIB });
  server.add({ name: 'exp', device: after });
  await writing;
  const bytes = Buffer.alloc(5);
  await after.read(bytes, 0);
  expect(bytes.toString()).toBe('moved');
});
