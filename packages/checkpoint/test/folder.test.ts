import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CheckpointFolder, type Intent, openCheckpointed } from '../src/index.ts';
import { decodeIntent, encodeIntent } from '../src/intent-codec.ts';
import { makeFiles, OLD, openOn, PLACES, SET, stateOf } from './support/three-drives.ts';

const INTENT: Intent = {
  set: SET,
  members: [
    {
      store: 'a'.repeat(32),
      place: '/vm/ä.qcow2',
      done: false,
      bitmaps: [
        { change: 'remove', name: 'old', before: null },
        {
          change: 'put',
          name: 'n',
          granularity: 512,
          enabled: true,
          before: OLD,
          after: SET,
        },
      ],
    },
    { store: null, place: '/vm/b.raw', done: true, bitmaps: [] },
  ],
};

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'checkpoints-')), 'new');
});
afterEach(() => rm(join(path, '..'), { recursive: true }));

it('keeps intents in files of its own making', async () => {
  const folder = new CheckpointFolder(path);
  expect(await folder.find()).toEqual({ intents: [], unreadable: [] });
  await folder.put(INTENT);
  await folder.put({ ...INTENT, members: INTENT.members.slice(0, 1) });
  expect(await folder.get(SET)).toEqual({ ...INTENT, members: INTENT.members.slice(0, 1) });
  expect(await readdir(path)).toEqual([`${SET}.json`]);
  await folder.remove(SET);
  await folder.remove(SET);
  expect(await folder.get(SET)).toBeUndefined();
  expect(await readdir(path)).toEqual([]);
});

it('notices each byte of a file that is changed, and each that is missing', () => {
  const bytes = encodeIntent(INTENT);
  expect(decodeIntent(bytes)).toEqual(INTENT);
  fc.assert(
    fc.property(fc.nat(bytes.length - 2), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const changed = bytes.slice();
      changed[at]! ^= mask;
      // Other letters for the same text, such as white space or an escape, change nothing.
      expect(decodeIntent(changed) ?? INTENT).toEqual(INTENT);
      expect(decodeIntent(bytes.subarray(0, at))).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});

it('refuses what no intent can be', () => {
  const bad: unknown[] = [
    { set: 'C'.repeat(32), members: [] },
    { set: SET, members: [{ ...INTENT.members[0], store: '' }] },
    { set: SET, members: [{ ...INTENT.members[1], bitmaps: [{ change: 'drop', name: 'n' }] }] },
    {
      set: SET,
      members: [{ ...INTENT.members[1], bitmaps: [{ change: 'remove', name: '', before: null }] }],
    },
    { set: SET, members: Array.from({ length: 1025 }, () => INTENT.members[1]) },
  ];
  for (const intent of bad) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- wrong on purpose
    expect(() => encodeIntent(intent as Intent)).toThrow('too large');
  }
  expect(decodeIntent(new Uint8Array(20 * 1024 * 1024))).toBeUndefined();
});

it.each([
  ['cut short', (bytes: Uint8Array) => bytes.subarray(0, 50)],
  ['of another set', (bytes: Uint8Array) => bytes],
  ['empty', () => new Uint8Array(0)],
  ['huge', () => new Uint8Array(17 * 1024 * 1024)],
])('lets drives be read, and tells no checkpoint, where a file is %s', async (_what, damage) => {
  const folder = new CheckpointFolder(path);
  await folder.put(INTENT);
  const file = join(path, `${'d'.repeat(32)}.json`);
  await writeFile(file, damage(await readFile(join(path, `${SET}.json`))));
  const [device] = await makeFiles();
  const { store } = await openOn(device!, 0);
  const notices: string[] = [];
  const options = { folder, place: PLACES[0]!, onNotice: (text: string) => notices.push(text) };
  const state = await stateOf(await openCheckpointed(store, options));
  expect(state).toEqual({
    checkpoint: undefined,
    lost: `checkpoint incomplete: '${file}' cannot be read`,
    dirty: [1, 5],
  });
  expect(notices).toEqual([expect.stringContaining(`'${file}' may tell of a checkpoint`)]);
  await rm(file);
  expect(await stateOf(await openCheckpointed(store, options))).toMatchObject({ checkpoint: OLD });
});
