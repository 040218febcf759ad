import { beforeAll, describe, expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { Pair, runOurs } from './support/both.ts';
import { CALLERS } from './support/caller-lines.ts';
import { makeImages } from './support/template.ts';

/** How much room a new image takes up is not the same (docs/qemu-img.md). */
function withoutRoom(outcome: object): object {
  const text = JSON.stringify(outcome);
  return JSON.parse(text.replaceAll(/(disk size: |\\"actual-size\\": )[^,\\]*/g, '$1'));
}

const TOOLS = ['qemu-img', 'qemu-io', 'qemu-storage-daemon'] as const;

describeWithQemu('the command lines of', TOOLS, () => {
  const dir = tempDir();
  const template = tempDir();
  makeImages(template);

  describe.each(Object.entries(CALLERS))('%s', (caller, lines) => {
    let pair: Pair;
    beforeAll(() => {
      pair = new Pair(dir, caller.replaceAll(/\W/g, '-'), template);
    });
    it.each(lines)('%s', async (line) => {
      const { ours, theirs, differing } = await pair.run(line);
      expect(withoutRoom(ours)).toEqual(withoutRoom(theirs));
      expect(differing).toEqual([]);
    });
  });

  it('are answered with the version and the help that programs look for', async () => {
    // OpenStack: the beginning of the line; oVirt vdsm and others: what the help has.
    const { stdout: version } = await runOurs(template, ['--version']);
    expect(version).toMatch(/^qemu-img version 7\.2\.\d+ /);
    const { stdout: help } = await runOurs(template, ['--help']);
    expect(help).toMatch(/^\s+bitmap (.+) filename bitmap/m);
    expect(help).toMatch(/^Supported formats: .*\bqcow2\b.*\braw\b/m);
  });

  it('show progress that programs can read', async () => {
    const { stdout } = await runOurs(template, [
      'convert',
      ...['-p', '-t', 'none', '-f', 'qcow2', '-O', 'raw', 'a.qcow2', 'progress.raw'],
    ]);
    const records = stdout.split('\r');
    expect(records.pop()).toBe('\n');
    for (const record of records) expect(record).toMatch(/^\s*\(([\d.]+)\/100%\)\s*$/);
    expect(records.at(-1)).toContain('(100.00/100%)');
  });
});
