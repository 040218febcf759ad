import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { openS3Store } from '@tidemark/object-store-s3';
import { backUpDrives, createRepository } from '@tidemark/repository';
import { expect, it } from 'vitest';
import { askCsi, describeWithPythonGrpc } from '../../../../tools/python-grpc.ts';
import { run, tempDir } from '../../../../tools/qemu.ts';
import { describeWithS3 } from '../../../../tools/s3.ts';
import { end, ServicePlace, startService } from '../support/service.ts';

const BLOCK = 65_536;

describeWithS3("CSI's SnapshotMetadata of a bucket", 18_031, (server) => {
  describeWithPythonGrpc('by a daemon', () => {
    const root = tempDir();

    it('tells of its restore points', async () => {
      const endpoint = server.endpoint();
      const signed = ['--aws-sigv4', 'aws:amz:us-east-1:s3', '-u', 'TIDEMARK:TIDEMARK'];
      const empty = `x-amz-content-sha256: ${createHash('sha256').digest('hex')}`;
      await run('curl', '-sf', '-X', 'PUT', '-H', empty, ...signed, `${endpoint}/csi-points`);
      const repository = `s3://csi-points/site?endpoint=${endpoint}&region=us-east-1`;
      await using store = openS3Store(repository);
      const source = new MemoryDevice({ size: 8 * BLOCK });
      await source.write(Buffer.alloc(BLOCK, 1), 3 * BLOCK);
      const drives = [{ source, drive: { id: 'vm', label: 'vm', format: 'raw' } }];
      const made = await createRepository(store);
      const [point] = await backUpDrives({ repository: made, granularity: BLOCK, drives });
      const place = new ServicePlace(join(root, '0'));
      const listen = { unix: place.path('csi.sock') };
      place.write({ 'csi-metadata': { listen, repository } });
      const service = await startService(place);
      const answer = await askCsi(listen.unix, 'GetMetadataAllocated', { snapshotId: point!.id });
      expect(answer).toEqual({ code: 'OK', sizes: [8 * BLOCK], ranges: [[3 * BLOCK, BLOCK]] });
      expect(await end(service)).toBe(0);
    });
  });
});
