import { randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { isTidemarkError } from '@tidemark/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlobIndex } from '../src/blobs/blob-index.ts';
import { decodeBlob, encodeBlob } from '../src/blobs/encode-blob.ts';
import { PackBuilder } from '../src/blobs/pack-builder.ts';
import { AesSealer } from '../src/crypt/aes-sealer.ts';
import { PLAIN_SEALER } from '../src/crypt/sealer.ts';
import { openMaster, sealMaster } from '../src/crypt/secret.ts';
import { decodeConfig, encodeConfig } from '../src/format/config.ts';
import { MAX_BLOBS_IN_PACK, MAX_ROOT_SIZE } from '../src/format/limits.ts';
import { decodeManifest, encodeManifest, type PointManifest } from '../src/format/manifest.ts';
import { MapNode } from '../src/format/map-node.ts';
import { shapeOf } from '../src/format/map-shape.ts';
import { decodeTable, encodeTable, ENTRY_SIZE } from '../src/format/pack-table.ts';
import { decodeRoot, encodeRoot } from '../src/format/root.ts';
import { readPackTable } from '../src/upkeep/read-pack.ts';

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const hex = digest.map((bytes) => Buffer.from(bytes).toString('hex'));

const MANIFEST: PointManifest = {
  created: '2026-01-01T00:00:00.000Z',
  kind: 'incremental',
  reason: 'because',
  parent: 'ab'.repeat(32),
  drive: { id: 'drive', label: 'drive', format: 'raw', size: 2 ** 40 },
  granularity: 65_536,
  bitmap: { name: 'b', granularity: 65_536, checkpoint: '0'.repeat(32) },
  set: null,
  map: 'cd'.repeat(32),
  totals: { looked: 1, read: 1, zero: 0, fresh: 1, storedBytes: 100 },
};

const ROOT = {
  drives: [
    {
      id: 'drive',
      label: 'drive',
      last: 4,
      points: [1, 2, 4].map((number) => ({
        id: String(number).padStart(64, '0'),
        number,
        created: '2026-01-01T00:00:00.000Z',
        checkpoint: number === 2 ? null : '1'.repeat(32),
      })),
    },
  ],
  prunes: 3,
  condemned: ['ee'.repeat(32)],
};

function aNode(): MapNode {
  const node = new MapNode(0, 200);
  for (let child = 0; child < 200; child += 3) node.set(child, randomBytes(32));
  return node;
}

function aPack(sealer = PLAIN_SEALER, blobs = 5) {
  const builder = new PackBuilder(sealer);
  const parts = [builder.header];
  const index = new BlobIndex();
  for (let number = 0; number < blobs; number++) {
    const plain = randomBytes(1000 + number);
    const sealed = builder.seal(plain);
    parts.push(sealed);
    builder.add({
      digest: sealer.digest(plain),
      storedLength: sealed.length,
      length: plain.length,
      kind: 'data',
      encoding: 'plain',
    });
  }
  const built = builder.finish();
  const bytes: Uint8Array = Buffer.concat([...parts, built.tail]);
  index.addPack(built.id, built.entries);
  return { ...built, bytes };
}

describe('what is written is what is read', () => {
  it('of a manifest, a root and a config', () => {
    expect(decodeManifest(encodeManifest(MANIFEST), 'x')).toEqual(MANIFEST);
    expect(decodeRoot(encodeRoot(ROOT), 'x')).toEqual(ROOT);
    const config = { id: '0'.repeat(32), compression: 'zstd', encryption: 'none' } as const;
    expect(decodeConfig(encodeConfig(config), 'x')).toEqual(config);
  });

  it('of a node with any children', () => {
    const children = fc.array(fc.option(digest, { nil: undefined }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(children, fc.nat(4), (all, level) => {
        fc.pre(all.some((child) => child !== undefined));
        const node = new MapNode(level, all.length);
        all.forEach((child, index) => node.set(index, child));
        const read = MapNode.decode(node.encode(), level, all.length, 'x');
        all.forEach((child, index) => {
          expect(read.get(index) && Buffer.from(read.get(index)!)).toEqual(
            child && Buffer.from(child),
          );
        });
        expect(read.encode()).toEqual(node.encode());
      }),
    );
  });

  it('of a table, and each blob lies behind the one before', () => {
    const entry = fc.record({
      digest,
      length: fc.integer({ min: 100, max: 1_048_576 }),
      storedLength: fc.integer({ min: 1, max: 100 }),
      kind: fc.constantFrom('data' as const, 'node' as const),
      encoding: fc.constantFrom('plain' as const, 'zstd' as const),
      offset: fc.constant(0),
    });
    fc.assert(
      fc.property(digest, fc.array(entry, { minLength: 1, maxLength: 50 }), (salt, entries) => {
        let offset = 48;
        for (const read of decodeTable(encodeTable(salt, entries), 'x')) {
          expect(read.offset).toBe(offset);
          offset += read.storedLength;
        }
      }),
    );
  });

  it.each([
    ['plain', PLAIN_SEALER],
    ['sealed', new AesSealer(randomBytes(32))],
  ])('of a %s pack', async (_, sealer) => {
    const { id, bytes, entries } = aPack(sealer);
    const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
    const found = await readPackTable(id, bytes.length, sealer, read);
    expect(found.entries.map(({ offset }) => offset)).toEqual(entries.map(({ offset }) => offset));
  });
});

describe('the shape of a map', () => {
  it('has a level more for each factor of 1024', () => {
    const levels = [0, 1, 1024, 1025, 1024 ** 2, 1024 ** 2 + 1].map(
      (granules) => shapeOf({ size: granules * 4096, granularity: 4096 }).levels,
    );
    expect(levels).toEqual([0, 1, 1, 2, 2, 3]);
  });
});

describe('the index of blobs', () => {
  it('finds what a map of JavaScript finds', () => {
    const list = fc.array(fc.array(digest, { minLength: 1, maxLength: 40 }), { maxLength: 40 });
    fc.assert(
      fc.property(list, fc.array(digest, { maxLength: 20 }), (packs, others) => {
        const index = new BlobIndex();
        const model = new Map<string, number>();
        packs.forEach((digests, pack) => {
          const about = { offset: 48, storedLength: 1, length: 1 } as const;
          const kinds = { kind: 'data', encoding: 'plain' } as const;
          index.addPack(
            String(pack),
            digests.map((each) => ({ digest: each, ...about, ...kinds })),
          );
          for (const each of digests) {
            const key = Buffer.from(each).toString('hex');
            if (!model.has(key)) model.set(key, pack);
          }
        });
        for (const each of [...packs.flat(), ...others]) {
          const blob = index.find(each);
          const pack = blob < 0 ? undefined : index.packOf(blob);
          expect(pack).toBe(model.get(Buffer.from(each).toString('hex')));
        }
        expect(index.size).toBe(model.size);
      }),
      { numRuns: 30 },
    );
  });
});

/** Its code, or what else went wrong. */
function refusalOf(error: unknown): string {
  return isTidemarkError(error) ? error.code : String(error);
}

describe('bytes that are not what was written', () => {
  const sealer = new AesSealer(randomBytes(32));
  const pack = aPack();
  const readers: Readonly<
    Record<string, { bytes: Uint8Array; read: (bytes: Uint8Array) => unknown }>
  > = {
    manifest: { bytes: encodeManifest(MANIFEST), read: (it) => decodeManifest(it, 'x') },
    root: { bytes: encodeRoot(ROOT), read: (it) => decodeRoot(it, 'x') },
    node: { bytes: aNode().encode(), read: (it) => MapNode.decode(it, 0, 200, 'x') },
    table: { bytes: pack.table, read: (it) => decodeTable(it, 'x') },
    object: {
      bytes: sealer.sealObject('k', randomBytes(99)),
      read: (it) => sealer.openObject('k', it),
    },
    pack: {
      bytes: pack.bytes,
      read: async (it) =>
        readPackTable(pack.id, it.length, PLAIN_SEALER, async (at, length) =>
          it.subarray(at, at + length),
        ),
    },
  };
  const damage = fc.oneof(
    fc.record({ op: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat(7) }),
    fc.record({ op: fc.constant('cut' as const), at: fc.nat() }),
    fc.record({ op: fc.constant('grow' as const), bytes: fc.uint8Array({ maxLength: 100 }) }),
    fc.record({
      op: fc.constant('noise' as const),
      at: fc.nat(),
      bytes: fc.uint8Array({ maxLength: 40 }),
    }),
  );

  it.each(Object.keys(readers))(
    'are refused as damage or read, and never more: %s',
    async (name) => {
      const { bytes, read } = readers[name]!;
      const property = fc.asyncProperty(
        fc.array(damage, { minLength: 1, maxLength: 4 }),
        async (all) => {
          let broken = new Uint8Array(bytes);
          for (const each of all) {
            if (each.op === 'cut') broken = broken.slice(0, each.at % (broken.length + 1));
            else if (each.op === 'grow') broken = new Uint8Array([...broken, ...each.bytes]);
            else if (broken.length > 0) {
              const at = each.at % broken.length;
              if (each.op === 'flip') broken[at]! ^= 1 << each.bit;
              else broken.set(each.bytes.subarray(0, broken.length - at), at);
            }
          }
          const outcome = await Promise.resolve(broken)
            .then(read)
            .then(() => 'read', refusalOf);
          expect(['read', 'BACKUP_CORRUPT']).toContain(outcome);
        },
      );
      await fc.assert(property, { numRuns: 400 });
    },
  );

  it('ask for no more memory than they may', async () => {
    const many = new Uint8Array(32 + (MAX_BLOBS_IN_PACK + 1) * ENTRY_SIZE);
    expect(() => decodeTable(many, 'x')).toThrow(/no table of a pack/);
    expect(() => decodeRoot(new Uint8Array(MAX_ROOT_SIZE + 1), 'x')).toThrow(
      /more than it may have/,
    );
    const bomb = zstdCompressSync(Buffer.alloc(64 * 2 ** 20));
    const packed = { encoding: 'zstd', bytes: bomb } as const;
    expect(() => decodeBlob(packed, 65_536, 'x')).toThrow(/cannot be unpacked/);
    const key = { kind: 'passphrase', passphrase: 'x' } as const;
    const slot = Buffer.from(await sealMaster(randomBytes(32), { ...key })).toString();
    const greedy = Buffer.from(slot.replace('"N": 131072', '"N": 1073741824'));
    await expect(openMaster(greedy, key, 'x')).rejects.toThrow(/more work than any should/);
  });

  it('are noticed wherever one of them is changed in a sealed object', () => {
    const sealed = sealer.sealObject('points/a', Buffer.from('content'));
    for (let at = 0; at < sealed.length; at++) {
      const broken = new Uint8Array(sealed);
      broken[at]! ^= 1;
      expect(() => sealer.openObject('points/a', broken)).toThrow(/seal is broken/);
    }
    expect(() => sealer.openObject('points/b', sealed)).toThrow(/seal is broken/);
  });

  it('hex is what a digest is written in', () => {
    fc.assert(
      fc.property(hex, (text) => {
        const manifest = { ...MANIFEST, map: text };
        expect(decodeManifest(encodeManifest(manifest), 'x').map).toBe(text);
        const upper = { ...MANIFEST, map: `${text.slice(1)}G` };
        expect(() => decodeManifest(encodeManifest(upper), 'x')).toThrow(/SHA-256/);
      }),
    );
  });
});

describe('a blob', () => {
  it('is compressed only where that saves something', () => {
    expect(encodeBlob(Buffer.alloc(4096, 'text'), 'zstd').encoding).toBe('zstd');
    expect(encodeBlob(randomBytes(4096), 'zstd').encoding).toBe('plain');
    expect(encodeBlob(Buffer.alloc(4096, 'text'), 'none').encoding).toBe('plain');
  });
});

describe('a secret', () => {
  it('opens what it sealed, and another does not', async () => {
    const master = randomBytes(32);
    const secrets = [
      { kind: 'passphrase', passphrase: 'correct horse' },
      { kind: 'key', key: randomBytes(32) },
    ] as const;
    for (const secret of secrets) {
      const slot = await sealMaster(master, secret);
      expect(Buffer.from((await openMaster(slot, secret, 'x'))!).equals(master)).toBe(true);
      const others = [
        { kind: 'passphrase', passphrase: 'x' },
        { kind: 'key', key: randomBytes(32) },
      ] as const;
      for (const other of others) expect(await openMaster(slot, other, 'x')).toBe(undefined);
    }
  });

  it('that is weak is refused', async () => {
    const short = sealMaster(randomBytes(32), { kind: 'key', key: randomBytes(16) });
    await expect(short).rejects.toMatchObject({ code: 'USAGE' });
    const empty = sealMaster(randomBytes(32), { kind: 'passphrase', passphrase: '' });
    await expect(empty).rejects.toMatchObject({ code: 'USAGE' });
  });
});
