import { describe, expect, it } from 'vitest';
import { openQcow2 } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import { readAll } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { recordWorkload, WORKLOADS } from './support/recorded-workload.ts';
import { TestDevice } from './support/test-device.ts';

describe('after a power cut at any place, whatever unflushed writes survived', () => {
  it.each(WORKLOADS)('an image is sound and holds what was flushed: %j', async (options) => {
    const { device, guest } = await recordWorkload(options, 1);
    for await (const { bytes, count, name } of powerCuts(device, { seed: 1, torn: 2 })) {
      expect({ name, found: checkImage(bytes).corruptions }).toEqual({ name, found: [] });
      const image = await openQcow2(new TestDevice({ bytes, writable: false }));
      expect({ name, lost: guest.lostAt(count, await readAll(image)) }).toEqual({ name, lost: [] });
    }
  });
});
