import { expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { lookWithBoth } from './support/both.ts';
import { IMAGE_OPTIONS } from './support/image-options-lines.ts';
import { MEASURE } from './support/measure-lines.ts';
import { makeImages } from './support/template.ts';
import { COMPARE, INFO, MAP, PROGRAM, SNAPSHOT } from './support/look-lines.ts';

describeWithQemu('command lines that look', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  makeImages(dir);
  const groups = {
    program: PROGRAM,
    info: INFO,
    map: MAP,
    compare: COMPARE,
    snapshot: SNAPSHOT,
    measure: MEASURE,
    'image options': IMAGE_OPTIONS,
  };
  for (const [name, lines] of Object.entries(groups)) {
    it.each(lines)(`${name}: %s`, async (line) => {
      const { ours, theirs } = await lookWithBoth(dir, line);
      expect(ours).toEqual(theirs);
    });
  }
});
