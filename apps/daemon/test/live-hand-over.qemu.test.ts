import { expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { CampaignDrive } from './campaign/campaign-drive.ts';
import { cutPointOf } from './campaign/cut-point.ts';
import { HandOverRound, type Owner } from './campaign/hand-over-round.ts';

// The long form: LIVE_HANDOVERS=100 vitest run --project daemon live-hand-over
const CUTS = Number(process.env['LIVE_HANDOVERS'] ?? 8);
const FIRST_SEED = Number(process.env['LIVE_HANDOVER_SEED'] ?? 1);
const SIZE = 16 * 1024 * 1024;

describeWithQemu(
  'a drive that is handed over to another daemon while it is written',
  ['qemu-img', 'qemu-nbd', 'nbdinfo'],
  () => {
    const dir = tempDir();
    const cutDir = tempDir();

    it.each(['qcow2', 'plain'] as const)(
      '%s: its writer notices nothing, and its bitmaps are right',
      async (kind) => {
        const drive = await CampaignDrive.create(kind, dir, SIZE);
        for (const form of ['short', 'long'] as const) {
          const handOver = await HandOverRound.start(drive, dir, form);
          const { owner, problems } = await handOver.run(undefined);
          expect({ owner, problems }).toEqual({ owner: 'target', problems: [] });
        }
        expect(drive.compared).toBe(4);
        // How many there is time for is the machine's affair.
        expect(drive.writes).toBeGreaterThan(10);
      },
    );

    it(
      'is with one of them, or at rest, wherever the hand-over is cut off',
      async () => {
        const drives = {
          qcow2: await CampaignDrive.create('qcow2', cutDir, SIZE),
          plain: await CampaignDrive.create('plain', cutDir, SIZE),
        };
        const owners: Record<Owner, number> = { source: 0, target: 0, nobody: 0 };
        for (let cut = 0; cut < CUTS; cut++) {
          const seed = FIRST_SEED + cut;
          const drive = cut % 2 === 0 ? drives.qcow2 : drives.plain;
          const point = cutPointOf(seed);
          const form = cut % 4 < 2 ? 'short' : 'long';
          const handOver = await HandOverRound.start(drive, cutDir, form);
          const { owner, problems } = await handOver.run(point);
          expect(problems, `seed ${seed}: ${JSON.stringify(point)}`).toEqual([]);
          owners[owner] += 1;
        }
        const writes = drives.qcow2.writes + drives.plain.writes;
        const compared = drives.qcow2.compared + drives.plain.compared;
        console.info(`${CUTS} cuts: ${JSON.stringify({ ...owners, writes, compared })}`);
        expect(compared).toBeGreaterThanOrEqual(CUTS);
      },
      (CUTS + 1) * 60_000,
    );
  },
);
