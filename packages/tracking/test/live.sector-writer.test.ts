import { expect, it } from 'vitest';
import { SectorWriter } from '../src/live/sector-writer.ts';

/** Writes that end when they are told to. */
function heldWrites() {
  const issued: { readonly sector: number; readonly end: () => void }[] = [];
  const writer = new SectorWriter((sector) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    issued.push({ sector, end: resolve });
    return promise;
  });
  return { writer, issued, sectors: () => issued.map(({ sector }) => sector) };
}

it('issues a write of a sector only when the one before it has ended', async () => {
  const { writer, issued, sectors } = heldWrites();
  const first = writer.request(7);
  const second = writer.request(7);
  const other = writer.request(8);
  expect(sectors()).toEqual([7, 8]);
  issued[0]!.end();
  await first;
  await expect.poll(sectors).toEqual([7, 8, 7]);
  for (const { end } of issued) end();
  await Promise.all([second, other]);
  await writer.drain();
});

it('serves all who ask meanwhile by one write, issued after they asked', async () => {
  const { writer, issued, sectors } = heldWrites();
  const first = writer.request(7);
  const rest = [writer.request(7), writer.request(7), writer.request(7)];
  issued[0]!.end();
  await first;
  await expect.poll(sectors).toEqual([7, 7]);
  issued[1]!.end();
  await Promise.all(rest);
  expect(sectors()).toEqual([7, 7]);
});
