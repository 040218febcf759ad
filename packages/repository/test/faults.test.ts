import { MemoryObjectStore } from '@tidemark/object-store';
import { FaultObjectStore, type StoreCall } from '@tidemark/object-store/testing';
import { TidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import {
  checkRepository,
  createRepository,
  forgetPoints,
  openRepository,
  prune,
  type Repository,
} from '../src/index.ts';
import { noise, TestDrive } from './support/drives.ts';
import { backUp, restored } from './support/run.ts';

const SIZE = 262_144;
/** Of the calls each one fails, or in CI every third. */
const STEP = process.env['FAULTS'] === 'all' ? 1 : 3;

interface World {
  readonly store: MemoryObjectStore;
  readonly drive: TestDrive;
  /** Content at each point that must be there. */
  readonly contents: Map<string, Buffer>;
}

async function makeWorld(): Promise<World> {
  const store = new MemoryObjectStore();
  const repository = await createRepository(store, { compression: 'none' });
  const drive = new TestDrive(SIZE);
  const contents = new Map<string, Buffer>();
  for (let turn = 0; turn < 3; turn++) {
    await drive.write(turn * 50_000, noise(60_000, turn + 1));
    const { number } = await backUp(repository, drive);
    contents.set(String(number), await drive.content());
  }
  await forgetPoints(repository, ({ points }) => points.slice(0, 1));
  contents.delete('1');
  await drive.write(100_000, noise(70_000, 9));
  return { store, drive, contents };
}

const now = () => Date.now() + 60_000;

const WORKS: Readonly<Record<string, (repository: Repository, world: World) => Promise<unknown>>> =
  {
    'a backup': async (repository, { drive }) => backUp(repository, drive),
    'a prune': async (repository) => prune({ repository, grace: 0, maxUnused: 0, now }),
    'a retention': async (repository) =>
      forgetPoints(repository, ({ points }) => points.slice(0, 0)),
    'a restore': async (repository) => restored(repository, { point: '3' }),
    'a check': async (repository) => checkRepository({ repository, readData: true }),
  };

/** A store whose call number `at` fails; `wasReached` tells whether there were so many. */
function failing(inner: MemoryObjectStore, at: number, when: 'before' | 'after') {
  let calls = 0;
  const fail = (call: StoreCall, key: string) => {
    calls += 1;
    if (calls !== at) return;
    throw new TidemarkError('IO_FAILED', `${call} of ${key} failed`, {});
  };
  const store = new FaultObjectStore(inner, { [when]: fail });
  return { store, wasReached: () => calls >= at };
}

/** Whatever has failed: every point is whole, and the next backup and prune are right. */
async function expectAllIsWell({ store, drive, contents }: World): Promise<void> {
  const repository = await openRepository(store);
  const checkAll = async () => {
    for (const [point, content] of contents) {
      expect((await restored(repository, { point })).equals(content)).toBe(true);
    }
    const { problems } = await checkRepository({ repository, readData: true });
    expect(problems).toEqual([]);
  };
  await checkAll();
  await drive.write(200_000, noise(100, 77));
  const { number } = await backUp(repository, drive);
  contents.set(String(number), await drive.content());
  await prune({ repository, grace: 0, maxUnused: 0, now });
  await checkAll();
  expect((await repository.readRoot()).condemned).toEqual([]);
}

describe.each(Object.entries(WORKS))('every call of the store failing once in %s', (_, work) => {
  it.each(['before', 'after'] as const)(
    'leaves all well, where it fails %s it is done',
    async (when) => {
      let failures = 0;
      for (let at = 1; ; at += STEP) {
        const world = await makeWorld();
        const { store, wasReached } = failing(world.store, at, when);
        const outcome = await openRepository(store)
          .then(async (opened) => work(opened, world))
          .then(
            () => 'done',
            () => 'failed',
          );
        if (!wasReached()) break;
        failures += outcome === 'failed' ? 1 : 0;
        await expectAllIsWell(world);
      }
      expect(failures).toBeGreaterThan(when === 'before' ? 0 : -1);
    },
  );
});
