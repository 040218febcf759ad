import { MemoryDevice } from '@tidemark/block';
import { beforeEach, describe, expect, it } from 'vitest';
import { create, Sessions, SIZE, writing } from './support/sessions.ts';

const LIVE = { live: true };

let at: Sessions;
let content: MemoryDevice;

beforeEach(async () => {
  at = await Sessions.begin();
  content = new MemoryDevice({ size: SIZE });
  at.drive.beBlockDevice();
  at.drive.read = (target, offset) => content.read(target, offset);
  await at.commit(create('a'));
});

/** The system is started anew: it counts from 0, and gives devices other numbers. */
function restart(writtenSectors = 0n): void {
  at.drive.count({ bootId: 'ff'.repeat(16), diskSequence: 9n, writtenSectors });
  at.drive.known = { ...at.drive.known!, device: 77n };
}

async function writeAs(write: () => void): Promise<void> {
  await content.write(Buffer.from('changed'), 4096);
  write();
}

describe('a block device after a restart of the system', () => {
  it('has its bitmaps when nobody has written it, and says by what that is known', async () => {
    restart();
    expect(await at.rules()).toEqual({ a: 'stored' });
    expect(await at.rules()).toEqual({ a: 'stored' });
    expect(at.notices).toContainEqual(expect.stringContaining('a sample of its content'));
  });

  it('is bound anew by the next change', async () => {
    restart();
    await at.run(async (store) => {
      await store.acquire(['a'], LIVE);
      await writing(store, () => writeAs(() => at.drive.write()));
      await store.commit([{ op: 'release', name: 'a' }]);
    });
    expect(await at.said()).toMatchObject({ state: 'idle', drive: at.drive.known });
    at.notices.length = 0;
    expect(await at.rules()).toEqual({ a: 'stored' });
    expect(at.notices).toEqual([]);
    restart();
    at.drive.count({ bootId: 'ee'.repeat(16) });
    expect(await at.rules()).toEqual({ a: 'stored' });
  });

  it('has none to trust when it was written since', async () => {
    restart(8n);
    expect(await at.states()).toEqual({ a: expect.stringContaining('8 sectors of the drive') });
    expect(await at.rules()).toEqual({ a: 'boot' });
  });

  it('has none to trust when it holds something else', async () => {
    await content.write(Buffer.from('changed'), 4096);
    restart();
    expect(await at.rules()).toEqual({ a: 'fingerprint' });
  });

  it('has none to trust when it has another size', async () => {
    restart();
    at.drive.known = { ...at.drive.known!, size: SIZE - 512 };
    expect(await at.rules()).toEqual({ a: 'size' });
  });

  it('has none to trust when its session did not close, at rest or not', async () => {
    await at.crash(async (store) => {
      await store.acquire(['a'], LIVE);
      await at.pass(1500);
    });
    expect(await at.rules()).toEqual({ a: 'stored' });
    restart();
    expect(await at.rules()).toEqual({ a: 'boot' });
    at = await Sessions.begin();
    at.drive.beBlockDevice();
    at.drive.read = (target, offset) => content.read(target, offset);
    await at.commit(create('a'));
    await at.crash((store) => store.acquire(['a'], LIVE));
    restart();
    expect(await at.rules()).toEqual({ a: 'boot' });
  });

  it('has none to trust where no sample was or can be taken', async () => {
    delete at.drive.read;
    restart();
    expect(await at.rules()).toEqual({ a: 'boot' });
    await at.commit({ op: 'remove', name: 'a' }, create('a'));
    at.drive.read = (target, offset) => content.read(target, offset);
    at.drive.count({ bootId: 'ee'.repeat(16), writtenSectors: 0n });
    expect(await at.rules()).toEqual({ a: 'boot' });
  });

  it('is sampled when it is closed, with all that its session has written', async () => {
    await at.commit({ op: 'remove', name: 'a' }, create('a', false));
    await at.run(() => writeAs(() => at.drive.write()), { writesDrive: true });
    restart();
    expect(await at.rules()).toEqual({ a: 'stored' });
  });

  it('is not vouched for by a session that has written while its bitmap did not record', async () => {
    await at.run(() => writeAs(() => at.drive.write()), { writesDrive: true });
    expect(await at.rules()).toEqual({ a: 'counter' });
  });
});
