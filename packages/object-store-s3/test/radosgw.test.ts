import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { objectStoreContract } from '@tidemark/object-store/contract';
import {
  backUpDrives,
  checkRepository,
  copyPoints,
  createRepository,
  forgetPoints,
  openPoint,
  openRepository,
  prune,
  restorePoint,
} from '@tidemark/repository';
import { describe, expect, it } from 'vitest';
import { describeWithS3 } from '../../../tools/s3.ts';
import { openS3Store } from '../src/index.ts';

describeWithS3('an S3 store', 18_610, (server) => {
  const client = () =>
    new S3Client({ endpoint: server.endpoint(), region: 'us-east-1', forcePathStyle: true });
  const uri = (bucket: string) => `s3://${bucket}/site?endpoint=${server.endpoint()}`;

  async function newBucket(lock = false): Promise<string> {
    const bucket = `test-${randomBytes(6).toString('hex')}`;
    const about = { Bucket: bucket, ObjectLockEnabledForBucket: lock };
    await client().send(new CreateBucketCommand(about));
    return bucket;
  }

  objectStoreContract('S3', { describe, it, expect }, async () => {
    return openS3Store(uri(await newBucket()));
  });

  async function expectToKeepRepository(bucket: string): Promise<void> {
    const repository = await createRepository(openS3Store(uri(bucket)), { compression: 'none' });
    const source = new MemoryDevice({ size: 64 * 2 ** 20 });
    const bitmap = new DirtyBitmap(source.size, 65_536);
    let checkpoint: string | undefined;
    const run = () =>
      backUpDrives({
        repository,
        drives: [
          {
            source,
            drive: { id: 'vm', label: 'vm', format: 'raw' },
            bitmap: {
              name: 'nightly',
              content: bitmap.clone(),
              checkpoint,
              onDurable: async (begun) => {
                bitmap.clear();
                checkpoint = begun;
              },
            },
          },
        ],
      });
    const contents: Buffer[] = [];
    for (let turn = 0; turn < 3; turn++) {
      // The first one fills a pack, which goes in parts.
      const bytes = randomBytes(turn === 0 ? 40 * 2 ** 20 : 100_000);
      await source.write(bytes, turn * 2 ** 20);
      bitmap.set(turn * 2 ** 20, bytes.length);
      const [point] = await run();
      expect(point!.manifest.kind).toBe(turn === 0 ? 'full' : 'incremental');
      const content = Buffer.alloc(source.size);
      await source.read(content, 0);
      contents.push(content);
    }
    await forgetPoints(repository, ({ points }) => points.slice(0, 1));
    await prune({ repository, grace: 0, maxUnused: 0, now: () => Date.now() + 60_000 });
    const opened = await openRepository(openS3Store(uri(bucket)));
    expect((await checkRepository({ repository: opened, readData: true })).problems).toEqual([]);
    for (const number of [2, 3]) {
      const target = new MemoryDevice({ size: source.size });
      const point = await openPoint(opened, { point: String(number) });
      await restorePoint({ repository: opened, point, target, targetIsZero: true });
      const content = Buffer.alloc(source.size);
      await target.read(content, 0);
      expect(content.equals(contents[number - 1]!)).toBe(true);
    }
  }

  it('keeps a repository', async () => {
    await expectToKeepRepository(await newBucket());
  });

  it('keeps a repository in a bucket with Object Lock, where old versions stay', async () => {
    const bucket = await newBucket(true);
    await expectToKeepRepository(bucket);
    const { Versions = [], DeleteMarkers = [] } = await client().send(
      new ListObjectVersionsCommand({ Bucket: bucket }),
    );
    expect(DeleteMarkers.length).toBeGreaterThan(0);
    // Nothing was ever written over.
    expect(new Set(Versions.map(({ Key }) => Key)).size).toBe(Versions.length);
  });

  it('loses nothing of several writers', async () => {
    const bucket = await newBucket();
    await createRepository(openS3Store(uri(bucket)), { compression: 'none' });
    const write = async (id: string) => {
      const repository = await openRepository(openS3Store(uri(bucket)));
      const source = new MemoryDevice({ size: 2 ** 20 });
      await source.write(randomBytes(50_000), 0);
      const drives = [{ source, drive: { id, label: id, format: 'raw' } }];
      for (let turn = 0; turn < 3; turn++) await backUpDrives({ repository, drives });
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(write));
    const repository = await openRepository(openS3Store(uri(bucket)));
    const { drives } = await repository.readRoot();
    expect(drives.map(({ points }) => points.map(({ number }) => number))).toEqual(
      Array.from({ length: 4 }, () => [1, 2, 3]),
    );
    expect((await checkRepository({ repository, readData: true })).problems).toEqual([]);
  });

  it('keeps what a backup and a copy that are cut off have stored', async () => {
    const [one, other] = [await newBucket(), await newBucket()];
    const MiB = 2 ** 20;
    const source = new MemoryDevice({ size: 48 * MiB });
    await source.write(randomBytes(48 * MiB), 0);
    const open = async (bucket: string) => openRepository(openS3Store(uri(bucket)));
    for (const bucket of [one, other]) {
      await createRepository(openS3Store(uri(bucket)), { compression: 'none' });
    }
    const tries: string[] = [];
    const changed = new DirtyBitmap(source.size, 65_536);
    const backUp = async (signal: AbortSignal, onDone: (done: number) => void) => {
      const resumable = {
        step: 4 * MiB,
        earlier: tries.map((checkpoint) => ({ checkpoint, changed })),
        begin: async (checkpoint: string) => void tries.push(checkpoint),
      };
      const bitmap = { name: 'b', content: changed.clone(), onDurable: async () => {} };
      const drive = { id: 'drive', label: 'drive', format: 'raw' };
      const [point] = await backUpDrives({
        repository: await open(one),
        drives: [{ source, drive, bitmap, resumable }],
        signal,
        onProgress: ({ done }) => onDone(done),
      });
      return point!.manifest.totals.read;
    };
    const copy = async (signal: AbortSignal, onDone: (done: number) => void) => {
      const [from, to] = [await open(one), await open(other)];
      const onProgress = ({ done }: { readonly done: number }) => onDone(done);
      const [copied] = await copyPoints({ from, to, signal, onProgress });
      return copied!.read;
    };
    for (const work of [backUp, copy]) {
      const cut = new AbortController();
      const first = work(cut.signal, (done) => {
        if (done >= 44 * MiB) cut.abort();
      });
      await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
      // A pack of 32 MiB is there, which is not read again.
      expect(await work(new AbortController().signal, () => {})).toBeLessThan(18 * MiB);
    }
    expect(
      (await checkRepository({ repository: await open(other), readData: true })).problems,
    ).toEqual([]);
    const repository = await open(other);
    const target = new MemoryDevice({ size: source.size });
    const point = await openPoint(repository, { point: '1' });
    await restorePoint({ repository, point, target, targetIsZero: true });
    const [expected, content] = [Buffer.alloc(source.size), Buffer.alloc(source.size)];
    await source.read(expected, 0);
    await target.read(content, 0);
    expect(content.equals(expected)).toBe(true);
  });

  it('says that a bucket is missing', async () => {
    const store = openS3Store(uri('test-not-there'));
    await expect(createRepository(store)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});
