import { MemoryDevice } from '@tidemark/block';
import { expect, it } from 'vitest';
import { create, Sessions, writing } from './support/sessions.ts';

const LIVE = { live: true };

/** Another file with the same bytes. */
async function copyOf(file: MemoryDevice): Promise<MemoryDevice> {
  const copy = new MemoryDevice({ size: file.size, label: 'file' });
  const bytes = new Uint8Array(file.size);
  await file.read(bytes, 0);
  await copy.write(bytes, 0);
  return copy;
}

it('trusts no copy of a sidecar that was made in the midst of a lease and put in its place', async () => {
  const at = await Sessions.begin();
  await at.commit(create('a'));
  let isReplaced = false;
  const store = await at.open({ writesDrive: true, isReplaced: async () => isReplaced });
  await store.acquire(['a'], LIVE);
  await writing(store, () => at.drive.write());
  const copy = await copyOf(at.file);
  await writing(store, () => at.drive.write());
  await store.commit([{ op: 'release', name: 'a' }]);
  isReplaced = true;
  const closed = store.close();
  await at.pass(20_000);
  await closed;
  expect(at.notices).toContainEqual(expect.stringMatching(/is not the file in its place any more/));
  const next = new Sessions({ drive: at.drive, file: copy });
  expect(await next.rules()).toEqual({ a: 'lease' });
});

it('tells once that another file is in its place, when a lease is renewed', async () => {
  const at = await Sessions.begin();
  await at.commit(create('a'));
  const store = await at.open({ writesDrive: true, isReplaced: async () => true });
  await store.acquire(['a'], LIVE);
  for (let count = 0; count < 3; count++) {
    at.drive.now += 14_000;
    await writing(store, () => at.drive.write());
  }
  const told = at.notices.filter((text) => text.includes('not the file in its place'));
  expect(told).toHaveLength(1);
});
