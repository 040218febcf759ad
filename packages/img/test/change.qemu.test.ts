import { beforeAll, expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { Pair } from './support/both.ts';
import { BITMAP, CREATE, REFUSED, RESIZE } from './support/change-lines.ts';
import { CONVERT } from './support/convert-lines.ts';
import { CHANGED_BY_OPTIONS } from './support/image-options-lines.ts';
import { makeImages } from './support/template.ts';

const TOOLS = ['qemu-img', 'qemu-io', 'qemu-storage-daemon'] as const;

describeWithQemu('command lines that change images', TOOLS, () => {
  const dir = tempDir();
  const template = tempDir();
  makeImages(template);
  const groups = {
    create: CREATE,
    bitmap: BITMAP,
    resize: RESIZE,
    convert: CONVERT,
    'image options': CHANGED_BY_OPTIONS,
  };
  for (const [name, lines] of Object.entries(groups)) {
    // One after the other in the same folders: each finds what those before it left.
    let pair: Pair;
    beforeAll(() => {
      pair = new Pair(dir, name, template);
    });
    it.each(lines)(`${name}: %s`, async (line) => {
      const file = line.match(/[\w-]+\.(?:qcow2|raw)(?= |$)/)?.[0];
      const { ours, theirs, differing } = await pair.run(line, file);
      expect(ours).toEqual(theirs);
      expect(differing).toEqual([]);
    });
  }

  it.each(REFUSED)('refused with nothing touched: %s', async (line) => {
    const pair = new Pair(dir, `refused-${REFUSED.indexOf(line)}`, template);
    const { ours, theirs, touched } = await pair.refuse(line);
    expect(ours).toEqual(theirs);
    expect(touched).toEqual([]);
  });
});
