import { MemoryDevice } from '@tidemark/block';

export async function deviceOf(bytes: Uint8Array): Promise<MemoryDevice> {
  const device = new MemoryDevice({ size: bytes.length, label: 'test image' });
  await device.write(bytes, 0);
  return device;
}

export async function bytesOf(device: MemoryDevice): Promise<Uint8Array> {
  const bytes = new Uint8Array(device.size);
  await device.read(bytes, 0);
  return bytes;
}
