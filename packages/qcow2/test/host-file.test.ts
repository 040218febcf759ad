import { MemoryDevice } from '@tidemark/block';
import { expect, it } from 'vitest';
import { HostFile } from '../src/io/host-file.ts';

const MiB = 2 ** 20;

it('metadata that is at hand is moved without a turn of the event loop, but not on and on', async () => {
  const file = new HostFile(new MemoryDevice({ size: 16 * MiB }));
  let turns = 0;
  setImmediate(() => turns++);
  const bytes = new Uint8Array(MiB).fill(7);
  for (let at = 0; at < 3 * MiB; at += MiB) await file.writeSoon(bytes, at);
  expect(turns).toBe(0);
  for (let at = 3 * MiB; at < 8 * MiB; at += MiB) await file.readSoon(bytes, at);
  expect(turns).toBe(1);
});

it('reads zeros behind the end of the file, and grows where it is written', async () => {
  const file = new HostFile(new MemoryDevice({ size: 512 }));
  const bytes = await file.readNewSoon(256, 512);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  await file.writeSoon(new Uint8Array(512).fill(1), 512);
  expect(file.size).toBe(MiB);
  expect([...(await file.readNewSoon(1023, 2))]).toEqual([1, 0]);
});

it('writes nothing more once a flush has failed', async () => {
  const device = new MemoryDevice({ size: 512 });
  device.flush = () => Promise.reject(new Error('a planned fault'));
  const file = new HostFile(device);
  await expect(file.flush()).rejects.toThrow('a planned fault');
  await expect(file.writeSoon(new Uint8Array(1).fill(1), 0)).rejects.toThrow('earlier failure');
  expect([...(await file.readNewSoon(0, 1))]).toEqual([0]);
});
