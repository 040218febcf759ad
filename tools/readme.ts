import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { tempDir } from './qemu.ts';

/**
 * Declares the test of a package's README: its first sample is `support/readme-sample.ts` beside the test
 * at `testUrl`, word for word, and prints what is expected of each call of `console.log`.
 */
export function testReadmeSample(
  testUrl: string,
  run: () => Promise<unknown>,
  printed: readonly (readonly unknown[])[],
): void {
  const dir = tempDir();
  const read = (path: string): string => readFileSync(new URL(path, testUrl), 'utf8');

  it('has a README whose sample runs', async () => {
    expect(read('../README.md')).toContain(
      `\`\`\`ts\n${read('./support/readme-sample.ts')}\`\`\`\n`,
    );
    vi.stubEnv('TMPDIR', dir);
    const log = vi.spyOn(console, 'log').mockReturnValue();
    await run();
    expect(log.mock.calls).toEqual(printed);
    log.mockRestore();
    vi.unstubAllEnvs();
  });
}
