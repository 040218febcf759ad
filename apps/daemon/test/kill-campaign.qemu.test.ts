import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { QmpClient } from '@tidemark/qmp';
import { expect, it } from 'vitest';
import { startDaemon } from '../../../tools/programs.ts';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { CampaignDrive, KINDS } from './campaign/campaign-drive.ts';

// The long form: KILLS=500 vitest run --project daemon kill-campaign
const CYCLES = Number(process.env['KILLS'] ?? 6);
const SIZE = 16 * 1024 * 1024;
/** QEMU is asked for its bits after one kill of so many. */
const SAMPLE = 10;

/**
 * Resolves when so many writes and commands were answered, by chance: on a busy machine, time would
 * say little.
 */
async function progress(drives: readonly CampaignDrive[]): Promise<void> {
  const writes = sumOf(drives, ({ shadow }) => shadow.answered) + Math.random() * 150;
  const commands = sumOf(drives, ({ admin }) => admin.commands) + Math.random() * 5;
  const isReached = () =>
    sumOf(drives, ({ shadow }) => shadow.answered) >= writes &&
    sumOf(drives, ({ admin }) => admin.commands) >= commands;
  while (!isReached()) await setTimeout(2);
}

function sumOf(drives: readonly CampaignDrive[], count: (drive: CampaignDrive) => number): number {
  return drives.reduce((sum, drive) => sum + count(drive), 0);
}

describeWithQemu(
  'a daemon that is killed again and again while drives are written and bitmaps are changed',
  ['qemu-img', 'qemu-nbd', 'nbdinfo'],
  () => {
    const dir = tempDir();
    const socket = join(dir, 'nbd.sock');
    const control = join(dir, 'qmp.sock');

    it(
      'leaves no bitmap that is stale, and no drive that has lost a write',
      async () => {
        const drives = await Promise.all(
          KINDS.map((kind) => CampaignDrive.create(kind, dir, SIZE)),
        );
        for (let cycle = 0; cycle < CYCLES; cycle++) {
          const daemon = await startDaemon(
            ...drives.flatMap(({ options }) => options),
            ...['--nbd-server', `addr.type=unix,addr.path=${socket}`, '--qmp', `unix:${control}`],
          );
          const clients = await Promise.all(drives.map(() => QmpClient.connect(control)));
          const works = Promise.all(
            drives.map((drive, i) => {
              const { kind: node } = drive;
              const uri = `nbd+unix:///${node}?socket=${socket}`;
              return drive.work({ uri, qmp: clients[i]!, node });
            }),
          );
          works.catch(() => {});
          await Promise.race([works, progress(drives)]);
          // A busy machine may not have come to it: there would be nothing to lose.
          const isLazy = () => drives.some(({ admin }) => admin.commands === 0);
          while (isLazy()) await setTimeout(50);
          await daemon.stop('SIGKILL');
          await works;
          for (const client of clients) await client.close();
          const asksQemu = cycle % SAMPLE === SAMPLE - 1 || cycle === 0;
          const problems = await Promise.all(drives.map((drive) => drive.check({ asksQemu })));
          expect(problems.flat(), `cycle ${cycle}`).toEqual([]);
          if (cycle % 100 === 99) console.info(`${cycle + 1} kills`);
        }
        const figures = drives.map(({ kind, writes, admin, compared }) => ({
          ...{ kind, writes, commands: admin.commands, compared },
        }));
        console.info(`${CYCLES} kills: ${JSON.stringify(figures)}`);
        for (const { writes, commands } of figures)
          expect(Math.min(writes, commands)).toBeGreaterThan(0);
      },
      (CYCLES + 1) * 60_000,
    );
  },
);
