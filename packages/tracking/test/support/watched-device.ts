import { type BlockDevice, MemoryDevice } from '@tidemark/block';

/** What a test does when the device is asked. */
interface Watch {
  /** After the bytes were read, and before the one who asked has them. */
  read?: (offset: number) => Promise<void>;
  flush?: () => Promise<void>;
}

/** A device in memory that holds `content`, and lets a test step in. */
export async function watchedDevice(content: Uint8Array, watch: Watch): Promise<BlockDevice> {
  const device = new MemoryDevice({ size: content.length });
  await device.write(content, 0);
  return new Proxy<BlockDevice>(device, {
    get(target, key): unknown {
      if (key === 'read') {
        return async (bytes: Uint8Array, offset: number) => {
          await target.read(bytes, offset);
          await watch.read?.(offset);
        };
      }
      if (key === 'flush') {
        return async () => {
          await watch.flush?.();
          await target.flush();
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
