// pnpm docs:run PAGE...: runs what pages show, and writes there what it prints, where that differs.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './pages.ts';
import { runPage } from './run-page.ts';
import { stepsOf } from './steps.ts';

/** What differs from run to run, or from machine to machine. */
const VOLATILE = [
  /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?/g, // a time
  /(?:[0-9a-f]{8}@)?[0-9a-f]{32,64}|(?<=backup-)[0-9a-f]{8}|(?<= )[0-9a-f]{12}(?= )/g, // an id
  /(?<=stored in )[\d.]+ .iB/g, // as well as this machine compresses
];

for (const path of process.argv.slice(2)) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-docs-'));
  const lines = readFileSync(ROOT + path, 'utf8').split('\n');
  try {
    const ran = await runPage(stepsOf(lines.join('\n')), folder);
    for (const { step, printed, code, isTrue } of ran.toReversed()) {
      if (isTrue) continue;
      console.log(`${path}:${step.start}: $ ${step.command}\n${printed}(exit code ${code})`);
      if (step.output !== undefined)
        lines.splice(step.start, step.output.length, ...shown(printed, folder));
    }
    writeFileSync(ROOT + path, lines.join('\n'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function shown(printed: string, folder: string): readonly string[] {
  const text = VOLATILE.reduce((all, one) => all.replaceAll(one, '…'), printed);
  return text.replaceAll(folder, '…').split('\n').slice(0, -1);
}
