import { connectNbd, type NbdDevice } from '@tidemark/nbd';
import { afterEach, expect, it } from 'vitest';
import { expectSame, pattern, readBytes } from '../../../../tools/device/bytes.ts';
import { deviceContract } from '../../../../tools/device/contract.ts';
import type { ServerKind, TestServer } from './client-servers.ts';

const SIZE = 300_032;

/** The contract of BlockDevice, on a device whose size is the server's. */
export function clientContract(kind: ServerKind, folder: string): void {
  const servers: TestServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  async function create(readOnly = false): Promise<NbdDevice> {
    const server = await kind.start(folder, { size: SIZE, readOnly });
    servers.push(server);
    return connectNbd(server.uri);
  }

  deviceContract({ size: SIZE, create, createReadOnly: () => create(true) });

  it('has a fixed size', async () => {
    await using device = await create();
    await device.write(pattern(SIZE), 0);
    for (const size of [0, SIZE, SIZE + 512]) {
      await expect(device.resize(size)).rejects.toMatchObject({ code: 'DEVICE_UNSUPPORTED' });
    }
    expect(device.size).toBe(SIZE);
    expectSame(await readBytes(device), pattern(SIZE));
  });

  it('discards nothing where it can only be read', async () => {
    await using device = await create(true);
    expect(device.canDiscard).toBe(false);
  });
}
