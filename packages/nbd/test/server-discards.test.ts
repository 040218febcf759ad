import { MemoryDevice, type WriteZeroesOptions } from '@tidemark/block';
import { expect, it } from 'vitest';
import { ask } from './support/ask.ts';
import { useServers } from './support/serve.ts';
import { COMMAND } from './support/wire.ts';

const MIB = 2 ** 20;

/** Tells which space it was asked to give back. */
class GivingDevice extends MemoryDevice {
  readonly given: string[] = [];

  override async discard(offset: number, length: number): Promise<void> {
    this.given.push(`discard ${offset} ${length}`);
  }

  override async writeZeroes(
    offset: number,
    length: number,
    options: WriteZeroesOptions = {},
  ): Promise<void> {
    if (options.unmap !== false) this.given.push(`zeroes ${offset} ${length}`);
    await super.writeZeroes(offset, length);
  }
}

const serve = useServers();

it.each([
  [true, ['discard 0 4096', 'zeroes 8192 4096']],
  [false, []],
])('with discards %s, what clients give up is given back: %j', async (discards, given) => {
  const device = new GivingDevice({ size: MIB });
  const { enter } = await serve({ device, discards });
  const client = await enter();
  for (const [type, offset] of [
    [COMMAND.TRIM, 0],
    [COMMAND.WRITE_ZEROES, 8192],
  ] as const) {
    expect(await ask(client, { type, offset, length: 4096 })).toMatchObject({ errno: 0 });
  }
  expect(device.given).toEqual(given);
});
