import { existsSync } from 'node:fs';
import { connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fromJSON, loadSync } from '@grpc/proto-loader';
import { TidemarkError } from '@tidemark/core';
import { describe, expect, it, vi } from 'vitest';
import { serveCsiMetadata, type SnapshotSource } from '@tidemark/csi-metadata';
import { DESCRIPTOR } from '../src/descriptor.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { CsiClient } from './support/client.ts';

const dir = tempDir();
let served = 0;

async function serving(source: Partial<SnapshotSource>) {
  const socket = join(dir, `${(served += 1)}.sock`);
  const told: string[] = [];
  const none = async () => Promise.reject(new Error('not asked for'));
  const server = await serveCsiMetadata({
    source: { allocated: none, delta: none, ...source },
    socket,
    mode: 0o600,
    name: 'csi.example.org',
    version: '1.2',
    log: (text) => told.push(text),
  });
  const client = new CsiClient(socket);
  const close = async () => {
    client.close();
    await server.close();
  };
  return { client, socket, told, close, [Symbol.asyncDispose]: close };
}

/** A volume with `count` ranges; hears of each that is asked for. */
function ranges(count: number, onRange: (index: number) => void = () => {}): SnapshotSource {
  const size = count * 1000;
  async function* from(offset: number) {
    for (let index = Math.floor(offset / 1000); index < count; index += 1) {
      onRange(index);
      yield { offset: index * 1000, length: 500 };
    }
  }
  const all = async () => ({ size, from });
  return { allocated: all, delta: all };
}

const ASK = { snapshot_id: 'a' };

describe('the SnapshotMetadata service', () => {
  it('tells who it is, and what it can do', async () => {
    await using service = await serving({});
    const { client } = service;
    const info = { name: 'csi.example.org', vendor_version: '1.2' };
    expect(await client.identity('GetPluginInfo')).toEqual(info);
    const capability = { service: { type: 'SNAPSHOT_METADATA_SERVICE' } };
    expect(await client.identity('GetPluginCapabilities')).toEqual({ capabilities: [capability] });
    expect(await client.identity('Probe')).toEqual({ ready: { value: true } });
  });

  it('goes by what its .proto says', () => {
    const path = new URL('../proto/csi-snapshot-metadata.proto', import.meta.url).pathname;
    const options = { keepCase: true };
    const [shipped, used] = [loadSync(path, options), fromJSON(DESCRIPTOR, options)];
    interface Method {
      readonly path: string;
      readonly responseStream: boolean;
      readonly requestType: { readonly type: object };
      readonly responseType: { readonly type: object };
    }
    const formatOf = (definitions: object, name: string) => {
      const found = (definitions as Record<string, { type?: object }>)[name]!;
      return (
        found.type ??
        (Object.values(found) as Method[]).map((method) => {
          const { path: at, responseStream, requestType, responseType } = method;
          return { at, responseStream, takes: requestType.type, gives: responseType.type };
        })
      );
    };
    const names = Object.keys(shipped).filter((name) => name.startsWith('csi.v1.'));
    expect(names.length).toBeGreaterThan(14);
    for (const name of names) expect(formatOf(used, name)).toEqual(formatOf(shipped, name));
  });

  it.each([
    [0, [1024, 976]],
    [1, 2000],
    [1500, [1500, 500]],
    [100_000, [2000]],
  ])('sends at most %d ranges at a time', async (most, lengths) => {
    await using service = await serving(ranges(2000));
    const { messages, ranges: all } = await service.client.ask('GetMetadataAllocated', {
      ...ASK,
      max_results: most,
    });
    expect(all).toHaveLength(2000);
    const found = messages.map(({ block_metadata: list }) => list.length);
    expect(typeof lengths === 'number' ? found.length : found).toEqual(lengths);
  });

  it('goes on where a client was cut off, and refuses a place behind the end', async () => {
    await using service = await serving(ranges(10));
    const at = (starting_offset: number | string, more = {}) =>
      service.client.ask('GetMetadataDelta', {
        base_snapshot_id: 'a',
        target_snapshot_id: 'b',
        starting_offset,
        ...more,
      });
    expect((await at(8000)).ranges).toEqual([
      [8000, 500],
      [9000, 500],
    ]);
    const end = await at(10_000);
    expect([end.code, end.ranges, end.messages.length]).toEqual([0, [], 1]);
    expect((await at(10_001)).code).toBe(11);
    expect((await at('9223372036854775807')).code).toBe(11);
    expect((await at(-1)).code).toBe(3);
    expect((await at(0, { max_results: -1 })).code).toBe(3);
  });

  it('does not look at secrets, and takes no more than a request holds', async () => {
    const asked: string[] = [];
    const source: Partial<SnapshotSource> = {
      allocated: async (id) => {
        asked.push(id);
        return ranges(1).allocated(id);
      },
    };
    await using service = await serving(source);
    expect((await service.client.ask('GetMetadataAllocated', ASK)).code).toBe(0);
    const huge = { snapshot_id: 'x'.repeat(100_000) };
    expect((await service.client.ask('GetMetadataAllocated', huge)).code).toBe(8);
    expect(asked).toEqual(['a']);
  });

  it('makes no more than a client takes, and ends when it leaves', async () => {
    let made = 0;
    const count = () => {
      made += 1;
      // All of them would take longer than the test has.
      if (made === 200_000) throw new Error('more than any client takes');
    };
    await using service = await serving(ranges(50_000_000, count));
    // By hand: a client of grpc-js takes megabytes in before it stops.
    const session = connect('http://localhost', {
      createConnection: () => connectSocket(service.socket),
    });
    const call = session.request({
      ':method': 'POST',
      ':path': '/csi.v1.SnapshotMetadata/GetMetadataAllocated',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.end(Buffer.from([0, 0, 0, 0, 3, 0x0a, 1, 0x61]));
    await vi.waitUntil(() => made > 0);
    for (let turn = 0; turn < 3000; turn += 1) await setImmediate();
    expect(made).toBeLessThan(100_000);
    session.destroy();
    const before = made;
    expect((await service.client.ask('GetMetadataDelta', { base_snapshot_id: 'a' })).code).toBe(3);
    for (let turn = 0; turn < 1000; turn += 1) await setImmediate();
    expect(made).toBeLessThan(before + 2048);
    expect(service.told).toEqual([]);
  });

  it('tells clients of a failure what helps them, and the log the rest', async () => {
    const failures = new Map([
      ['corrupt', new TidemarkError('BACKUP_CORRUPT', 'points/1 fails its digest')],
      ['io', new TidemarkError('IO_FAILED', 'input failed on /secret')],
    ]);
    async function* from(): AsyncGenerator<{ offset: number; length: number }> {
      yield { offset: 0, length: 1 };
      throw failures.get('io')!;
    }
    await using service = await serving({
      allocated: async (id) => {
        if (id === 'late') return { size: 10, from };
        throw failures.get(id)!;
      },
    });
    const of = async (id: string) => {
      const answer = await service.client.ask('GetMetadataAllocated', {
        snapshot_id: id,
        max_results: 1,
      });
      expect(answer.details).not.toContain('secret');
      return [answer.code, answer.ranges.length];
    };
    expect(await of('corrupt')).toEqual([15, 0]);
    expect(await of('io')).toEqual([13, 0]);
    expect(await of('late')).toEqual([13, 1]);
    expect(service.told).toEqual([
      'csi-metadata: points/1 fails its digest',
      'csi-metadata: input failed on /secret',
      'csi-metadata: input failed on /secret',
    ]);
  });

  it('ends what is being answered when it is closed, and leaves no socket', async () => {
    let made = 0;
    const service = await serving(ranges(50_000_000, () => (made += 1)));
    const call = service.client.begin('GetMetadataAllocated', ASK);
    const failed = new Promise<Error>((resolve) => call.on('error', resolve));
    call.pause();
    await vi.waitUntil(() => made > 0);
    await service.close();
    await service.close();
    expect(await failed).toBeInstanceOf(Error);
    expect(existsSync(service.socket)).toBe(false);
  });
});
