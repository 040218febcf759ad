import { expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../qemu.ts';
import { runDifferential } from './run.ts';

const SEED = 20;

describeWithQemu('images that QEMU and we change in turn', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();

  // The long form: pnpm differential --operations 2000 --seed N
  it(`hold the same for both after each operation, from seed ${SEED} on`, async () => {
    const operations = Number(process.env['DIFFERENTIAL'] ?? 48);
    const outcome = await runDifferential({ dir, seed: SEED, operations, perImage: 4 });
    expect(outcome.disagreement).toBeUndefined();
    expect(outcome.operations).toBe(operations);
    const byUs = Object.entries(outcome.counts).filter(([name]) => name.endsWith('by us'));
    expect(byUs.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(operations / 5);
  }, 600_000);
});
