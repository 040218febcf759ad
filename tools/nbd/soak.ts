import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { soakNbd } from './soak-cases.ts';

// pnpm soak:nbd --minutes 10 --connections 200 --seed 1
const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    connections: { type: 'string' },
    seed: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const connections = Number(values.connections ?? 200);
const milliseconds = Number(values.minutes ?? 1) * 60_000;
const folder = mkdtempSync(join(tmpdir(), 'tidemark-soak-nbd-'));
// What a process opens once is open by then.
await soakNbd({ connections: 4, milliseconds: 500, seed, socket: join(folder, 'first') });
const report = await soakNbd({ connections, milliseconds, seed, socket: join(folder, 's') });
rmSync(folder, { recursive: true });
console.info(
  JSON.stringify({ seed, connections, minutes: milliseconds / 60_000, ...report }, null, 2),
);
const { missed, tooMany, descriptorsLeft, memory } = report;
// The bitmaps and the disk in memory are full by the middle; what comes later is a leak.
const isGrowing = memory[1] > memory[0] * 1.5 + 64;
if (missed + tooMany + descriptorsLeft > 0 || isGrowing) process.exitCode = 1;
