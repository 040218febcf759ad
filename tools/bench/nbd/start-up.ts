import { median } from '../passes.ts';
import { tenLargeBitmaps } from './drives.ts';
import { memoryOf } from './process-cost.ts';
import { type BenchServer, storageDaemon, tidemarkd } from './servers.ts';

const MIB = 2 ** 20;

/** How soon a drive with ten bitmaps of 32 MiB can be used, and what that takes. */
export async function startUp(dir: string, rounds: number): Promise<void> {
  const drive = await tenLargeBitmaps(dir);
  const found: { readonly ours: Start; readonly theirs: Start }[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = Math.random() < 0.5;
    const ours = () => started(tidemarkd(dir, drive, { bitmaps: 10, create: false }));
    const theirs = () => started(storageDaemon(dir, drive));
    const a = await (first ? ours() : theirs());
    const b = await (first ? theirs() : ours());
    found.push(first ? { ours: a, theirs: b } : { ours: b, theirs: a });
  }
  const line = (what: string, pick: (start: Start) => number, unit: string, target: string) => {
    const theirs = median(found.map((round) => pick(round.theirs)));
    const ours = median(found.map((round) => pick(round.ours)));
    const ratio = median(found.map((round) => pick(round.theirs) / pick(round.ours)));
    const values = `${theirs.toFixed(0)} ${unit} | ${ours.toFixed(0)} ${unit}`;
    console.info(`| ${what} | ${values} | ×${ratio.toFixed(1)} | ${target} |`);
  };
  console.info('\n## Ten bitmaps of 32 MiB, against qemu-storage-daemon\n');
  console.info('| what | theirs | ours | theirs / ours | target |');
  console.info('| --- | --- | --- | --- | --- |');
  line('ready after', (start) => start.readyAfter, 'ms', '≥ 10');
  line('memory then', (start) => start.memory / MIB, 'MiB', '≥ 3');
}

interface Start {
  readonly readyAfter: number;
  readonly memory: number;
}

async function started(starting: Promise<BenchServer>): Promise<Start> {
  const server = await starting;
  const memory = memoryOf(server.pid).now;
  await server.stop();
  return { readyAfter: server.readyAfter, memory };
}
