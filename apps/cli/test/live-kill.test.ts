import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { TIDEMARK } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { LiveDrives } from './support/live-drives.ts';
import { succeed, succeedJson } from './support/tidemark.ts';

const ROUNDS = Number(process.env['LIVE_KILLS'] ?? 4);
const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);

const dir = tempDir();
const repository = join(dir, 'repository');
const live = new LiveDrives(dir);
const [a, b] = live.addresses;

let state = SEED;
/** From 0 to 1. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

/** Milliseconds; see `killed`. */
let lasted = 800;

/** Begins a backup, and lets `kill` come at a random moment of the time that one takes. */
async function killed(kill: (backup: () => void) => Promise<void>): Promise<void> {
  const begun = performance.now();
  const args = ['backup', a, repository, '--with', b];
  const child = spawn(process.execPath, [TIDEMARK, ...args], { stdio: 'ignore' });
  const ended = new Promise<'ended'>((resolve) => child.once('exit', () => resolve('ended')));
  const wait = random() * lasted;
  const first = await Promise.race([ended, setTimeout(wait, 'late' as const)]);
  if (first === 'ended') lasted = performance.now() - begun;
  else lasted = Math.max(lasted, wait) * 1.1;
  await kill(() => void child.kill('SIGKILL'));
  await ended;
}

afterAll(() => live.stop('SIGKILL'));

it(
  `a backup of live drives leaves all well where either side is killed (seed ${SEED})`,
  async () => {
    await live.make();
    await live.start();
    await succeed('repo', 'create', repository);
    await live.writeSome(200);
    await succeed('backup', a, repository, '--with', b);
    for (let round = 0; round < ROUNDS; round++) {
      live.beginToWrite();
      if (round % 2 === 0) {
        await killed(async (backup) => backup());
      } else {
        await killed(async () => live.stop('SIGKILL'));
        await live.start();
        live.beginToWrite();
      }
      const next = await succeedJson<{ readonly points: readonly object[] }>(
        ...['backup', a, repository, '--with', b],
      );
      // No bit was lost, and none had to be given up.
      expect(next.points).toMatchObject([{ kind: 'incremental' }, { kind: 'incremental' }]);
      await live.stopWriting();
      expect(live.areOfOneInstant(await live.restored(repository))).toBe(true);
      for (const node of ['a', 'b'] as const) {
        expect((await live.bitmapNames(node)).length).toBe(1);
      }
    }
    const { problems } = await succeedJson<{ problems: unknown[] }>('repo', 'check', repository);
    expect(problems).toEqual([]);
  },
  ROUNDS * 60_000,
);
