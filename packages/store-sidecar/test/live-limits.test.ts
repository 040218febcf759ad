import { describe, expect, it } from 'vitest';
import { create, LEFT, Sessions, SIZE } from './support/sessions.ts';

const LIVE = { live: true };

describe('bitmaps cannot be live', () => {
  it('where nothing is known of the drive, or it is a block device', async () => {
    const at = await Sessions.begin();
    const drive = { label: 'drive', size: SIZE };
    expect(await at.run(async ({ live }) => live, { drive })).toBeUndefined();
    const facts = async () => ({ kind: 'block device', size: SIZE, device: 1n }) as const;
    expect(await at.run(async ({ live }) => live, { drive: { ...drive, facts } })).toBeUndefined();
    expect(await at.run(async ({ live }) => live?.inUse)).toBe(true);
  });

  it('where the sidecar has no room to say so', async () => {
    const plain = await Sessions.begin();
    const long = new Uint8Array(4);
    new DataView(long.buffer).setUint32(0, 400);
    await plain.file.write(long, 100);
    expect(await plain.run(async ({ live }) => live)).toBeUndefined();
  });
});

it('tells of bitmaps that it has no room to vouch for', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
  const many = await Sessions.begin();
  await many.commit(...names.map((name) => create(name)));
  await many.crash((store) => store.acquire(names, LIVE));
  expect(many.notices).toEqual([expect.stringContaining("'n32', 'n33'")]);
  const states = await many.states();
  expect([states['n31'], states['n32']]).toEqual(['stored', LEFT]);
});
