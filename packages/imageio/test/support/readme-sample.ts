import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createImageioServer, TicketTable } from '@tidemark/imageio';

const device = new MemoryDevice({ size: 2 ** 20 });
const bitmap = new DirtyBitmap(device.size, 65_536);
await device.write(new TextEncoder().encode('hello'), 131_072);
bitmap.set(131_072, 5); // what a TrackedDevice of @tidemark/tracking does by itself

const tickets = new TicketTable();
const id = crypto.randomUUID();
tickets.add(id, { device, bitmap: () => bitmap, expires: Date.now() + 3_600_000 });
const server = createImageioServer({ tickets }).listen(0, '127.0.0.1');
await once(server, 'listening');
const image = `http://127.0.0.1:${(server.address() as AddressInfo).port}/images/${id}`;

const extents = (await (await fetch(`${image}/extents?context=dirty`)).json()) as {
  start: number;
  length: number;
  dirty: boolean;
  zero: boolean;
}[];
for (const { start, length } of extents.filter((one) => one.dirty && !one.zero)) {
  const range = `bytes=${start}-${start + length - 1}`;
  const part = await (await fetch(image, { headers: { range } })).arrayBuffer();
  console.log(start, new TextDecoder().decode(part.slice(0, 5)));
}
server.close();
server.closeAllConnections();
