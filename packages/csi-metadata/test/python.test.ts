import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RepositorySnapshots, serveCsiMetadata } from '@tidemark/csi-metadata';
import { askCsi, describeWithPythonGrpc } from '../../../tools/python-grpc.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { BackedUp, GRANULE, newRepository } from './support/points.ts';

describeWithPythonGrpc("gRPC's own Python, by the .proto that the package ships", () => {
  const dir = tempDir();

  it('is told what a restore point holds, what changed, and what is wrong', async () => {
    const repository = await newRepository();
    const drive = new BackedUp(repository, 100 * GRANULE + 1024);
    for (let at = 0; at < 100; at += 4) await drive.fill(at * GRANULE, GRANULE, 1 + at);
    const base = await drive.backUp();
    await drive.fill(8 * GRANULE, GRANULE, 0);
    await drive.fill(99 * GRANULE, 2 * GRANULE, 9);
    const target = await drive.backUp();
    const socket = join(dir, 'csi.sock');
    await using _ = await serveCsiMetadata({ source: new RepositorySnapshots(repository), socket });
    const ask = (method: 'GetMetadataAllocated' | 'GetMetadataDelta', request: object) =>
      askCsi(socket, method, request);
    const size = drive.device.size;
    const whole = [...Array(25).keys()].map((index) => [index * 4 * GRANULE, GRANULE]);
    const allocated = { snapshotId: base, maxResults: 10 };
    expect(await ask('GetMetadataAllocated', allocated)).toEqual({
      code: 'OK',
      sizes: [size, size, size],
      ranges: whole,
    });
    const delta = { baseSnapshotId: base, targetSnapshotId: target };
    expect(await ask('GetMetadataDelta', delta)).toEqual({
      code: 'OK',
      sizes: [size],
      ranges: [
        [8 * GRANULE, GRANULE],
        [99 * GRANULE, GRANULE + 1024],
      ],
    });
    const codeOf = async (...args: Parameters<typeof ask>) => (await ask(...args)).code;
    const behind = { ...delta, startingOffset: size + 1 };
    expect(await codeOf('GetMetadataDelta', behind)).toBe('OUT_OF_RANGE');
    expect(await codeOf('GetMetadataAllocated', { snapshotId: 'x' })).toBe('NOT_FOUND');
    expect(await codeOf('GetMetadataAllocated', {})).toBe('INVALID_ARGUMENT');
  });
});
