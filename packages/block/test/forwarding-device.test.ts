import { expect, it } from 'vitest';
import { ForwardingDevice, MemoryDevice } from '../src/index.ts';

it('passes on what is asked for in this tick, too', async () => {
  const below = new MemoryDevice({ size: 4096 });
  const device = new ForwardingDevice(below);
  expect(device.writeNow(Buffer.from('now'), 100)).toBe(true);
  for (const read of ['readNow', 'readBlocking'] as const) {
    const found = Buffer.alloc(3);
    expect(device[read](found, 100)).toBe(true);
    expect(found.toString()).toBe('now');
  }
});

it('has nothing at hand where the device below has not', () => {
  const { label, size, writable, canDiscard } = new MemoryDevice({ size: 4096 });
  const device = new ForwardingDevice({ label, size, writable, canDiscard } as MemoryDevice);
  expect(device.readNow(Buffer.alloc(3), 0)).toBe(false);
  expect(device.readBlocking(Buffer.alloc(3), 0)).toBe(false);
  expect(device.writeNow(Buffer.alloc(3), 0)).toBe(false);
});
