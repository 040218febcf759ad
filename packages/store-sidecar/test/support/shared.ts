import type { BlockDevice } from '@tidemark/block';

/** A device that outlives the store which closes it, as a file does. */
export function shared(device: BlockDevice): BlockDevice {
  return new Proxy(device, {
    get(target, key) {
      if (key === 'close' || key === Symbol.asyncDispose) return async () => {};
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
