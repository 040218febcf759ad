import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { TIDEMARK } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { LiveDrives } from './support/live-drives.ts';
import { succeed, succeedJson } from './support/tidemark.ts';
import { recordsOfTries } from './support/tries.ts';

const MiB = 2 ** 20;
/** A record is made of each 128 MiB. */
const SIZE = 144 * MiB;
const ROUNDS = Number(process.env['RESUMED_KILLS'] ?? 1);
/** Rounds more, where none of them went on with what was read. */
const MORE = 4;
const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);

interface Report {
  readonly points: readonly { readonly kind: string; readonly totals: { readonly read: number } }[];
}

const dir = tempDir();
const repository = join(dir, 'repository');
const live = new LiveDrives(dir, { size: SIZE });
const [a, b] = live.addresses;
// Of one name in every repository: what an older one left goes.
const BACKUP = ['backup', a, repository, '--with', b, '--chain', 'nightly'];

let state = SEED;
/** From 0 to 1. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

/** Begins a backup; `moment` waits for the one at which either side is killed. */
async function cutOff(moment: (ended: () => boolean) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, [TIDEMARK, ...BACKUP], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await moment(() => child.exitCode !== null);
  if (random() < 0.5) {
    child.kill('SIGKILL');
    await ended;
    return;
  }
  await live.stop('SIGKILL');
  await ended;
  await live.start();
  live.beginToWrite();
}

/** That of the next backup. */
async function expectOneBitmapEach(): Promise<void> {
  for (const node of ['a', 'b'] as const) expect(await live.bitmapNames(node)).toHaveLength(1);
}

async function expectRestored(): Promise<void> {
  expect(live.areOfOneInstant(await live.restored(repository))).toBe(true);
}

afterAll(() => live.stop('SIGKILL'));

it(
  `a backup goes on with what earlier ones had read when either side was killed (seed ${SEED})`,
  async () => {
    await live.make();
    await live.start();
    let resumed = 0;
    let rounds = 0;
    // Now and then the first one has ended before the kill.
    for (; rounds < ROUNDS || (resumed === 0 && rounds < ROUNDS + MORE); rounds++) {
      rmSync(repository, { recursive: true, force: true });
      await succeed('repo', 'create', repository, '--compression', 'none');
      live.beginToWrite();
      await cutOff(async (ended) => {
        while (recordsOfTries(repository).length === 0 && !ended()) await setTimeout(5);
        await setTimeout(random() * 150);
      });
      for (let more = Math.floor(random() * 3); more > 0; more--) {
        await cutOff(async () => setTimeout(random() * 1200));
      }
      const whole = await succeedJson<Report>(...BACKUP);
      const read = whole.points.reduce((sum, { totals }) => sum + totals.read, 0);
      if (read < 2 * SIZE) resumed += 1;
      // A record may be left of a try whose bitmap was still the daemon's: prune takes it.
      await live.stopWriting();
      await expectRestored();
      await expectOneBitmapEach();
      await live.writeSome(20);
      const next = await succeedJson<Report>(...BACKUP);
      expect(next.points).toMatchObject([{ kind: 'incremental' }, { kind: 'incremental' }]);
      await expectRestored();
      const { problems } = await succeedJson<{ problems: unknown[] }>('repo', 'check', repository);
      expect(problems).toEqual([]);
    }
    expect(resumed).toBeGreaterThan(0);
    console.info(`${resumed} of ${rounds} went on`);
  },
  120_000 + (ROUNDS + MORE) * 60_000,
);
