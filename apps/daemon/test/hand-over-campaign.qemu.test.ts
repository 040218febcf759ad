import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { QmpClient } from '@tidemark/qmp';
import { expect, it } from 'vitest';
import { startDaemon } from '../../../tools/programs.ts';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import type { Server } from './campaign/admin.ts';
import { CampaignDrive } from './campaign/campaign-drive.ts';
import { startStorageDaemon } from './support/storage-daemon.ts';

// The long form: HANDOVER_ROUNDS=200 vitest run --project daemon hand-over-campaign
const ROUNDS = Number(process.env['HANDOVER_ROUNDS'] ?? 4);
const SIZE = 16 * 1024 * 1024;

interface Session {
  readonly server: Server;
  readonly end: (how: 'SIGTERM' | 'SIGKILL') => Promise<void>;
}

describeWithQemu(
  'an image that goes from Tidemark to QEMU and back, and either of them may be killed',
  ['qemu-img', 'qemu-nbd', 'qemu-storage-daemon', 'nbdinfo'],
  () => {
    const dir = tempDir();
    const socket = join(dir, 'nbd.sock');
    const control = join(dir, 'qmp.sock');

    async function byTidemark(drive: CampaignDrive): Promise<Session> {
      const daemon = await startDaemon(
        ...drive.options,
        ...['--nbd-server', `addr.type=unix,addr.path=${socket}`, '--qmp', `unix:${control}`],
      );
      const qmp = await QmpClient.connect(control);
      const uri = `nbd+unix:///${drive.kind}?socket=${socket}`;
      const end = async (how: NodeJS.Signals) => {
        await daemon.stop(how);
        await qmp.close();
      };
      return { server: { uri, qmp, node: drive.kind }, end };
    }

    async function byQemu(drive: CampaignDrive): Promise<Session> {
      const daemon = await startStorageDaemon(dir, drive.path);
      const { uri, qmp } = daemon;
      return {
        server: { uri, qmp, node: 'vm' },
        end: (how) => (how === 'SIGKILL' ? daemon.kill() : daemon.quit()),
      };
    }

    /** @returns what is wrong after it */
    async function session(
      drive: CampaignDrive,
      open: (drive: CampaignDrive) => Promise<Session>,
    ): Promise<readonly string[]> {
      const isKilled = Math.random() < 0.5;
      const { server, end } = await open(drive);
      const stop = new AbortController();
      const working = drive.work(server, stop.signal);
      working.catch(() => {});
      await setTimeout(80 + Math.random() * 200);
      if (!isKilled) {
        stop.abort();
        await working;
      }
      await end(isKilled ? 'SIGKILL' : 'SIGTERM');
      await working;
      // Of a bitmap that QEMU had in use when it died nothing is known.
      const mayBeLost = isKilled && open === byQemu;
      const problems = await drive.check({ asksQemu: !mayBeLost, mayBeLost });
      return problems.map((problem) => `${isKilled ? 'killed' : 'ended'}: ${problem}`);
    }

    it(
      'has bitmaps that are right or known to be lost, after each session',
      async () => {
        const drive = await CampaignDrive.create('qcow2', dir, SIZE);
        for (let round = 0; round < ROUNDS; round++) {
          expect(await session(drive, byTidemark), `round ${round}, Tidemark`).toEqual([]);
          expect(await session(drive, byQemu), `round ${round}, QEMU`).toEqual([]);
        }
        const { writes, compared, admin } = drive;
        console.info(
          `${ROUNDS} rounds: ${JSON.stringify({ writes, compared, commands: admin.commands })}`,
        );
        expect(compared).toBeGreaterThan(ROUNDS);
      },
      (ROUNDS + 1) * 60_000,
    );
  },
);
