import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TIDEMARK, TIDEMARKD } from '../programs.ts';
import { describeWithQemu, sh, tempDir } from '../qemu.ts';
import { consoleSteps, patternOf } from './console-blocks.ts';

const root = new URL('../../', import.meta.url).pathname;
const pages = globSync('{README.md,docs/**/*.md}', { cwd: root })
  .map((path) => ({ path, steps: consoleSteps(readFileSync(join(root, path), 'utf8')) }))
  .filter(({ steps }) => steps.length > 0);

describeWithQemu('what a page shows', ['qemu-io'], () => {
  const bin = tempDir();
  for (const [name, program] of Object.entries({ tidemark: TIDEMARK, tidemarkd: TIDEMARKD })) {
    const script = `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`;
    writeFileSync(join(bin, name), script, { mode: 0o755 });
  }

  it('is there', () => expect(pages.map(({ path }) => path)).toContain('docs/tutorial.md'));

  it.each(pages)('is what its commands print: $path', async ({ path, steps }) => {
    const folder = join(bin, path.replaceAll('/', '-'));
    mkdirSync(folder);
    for (const step of steps) {
      const script = `cd '${folder}' && PATH='${bin}':"$PATH" && { ${step.command}\n} 2>&1`;
      const { stdout } = await sh('bash', '-c', script);
      expect(stdout, `$ ${step.command}`).toMatch(patternOf(step));
    }
  });
});
