import type { Mutant } from './mutant.ts';

const imageio = (file: string) => `packages/imageio/src/${file}`;

/** Each breaks one rule of what clients of imageio are told. */
export const IMAGEIO_MUTANTS: readonly Mutant[] = [
  {
    name: 'a bitmap that is not sound is a failure that a client tries again',
    file: imageio('answer.ts'),
    find: 'throw new HttpError(404, `there are no dirty extents: ${error.message}`);',
    replace: 'throw error;',
  },
  {
    name: 'a bitmap of a smaller disk tells of the larger one',
    file: imageio('answer.ts'),
    find: 'if (bits.diskSize === device.size) return bits;',
    replace: 'if (bits.diskSize <= device.size) return bits;',
  },
  {
    name: 'dirty extents are of several instants',
    file: imageio('answer.ts'),
    find: 'bits = (await bitmap()).clone();',
    replace: 'bits = await bitmap();',
  },
  {
    name: 'a range that goes beyond the image is cut',
    file: imageio('byte-range.ts'),
    find: 'if (end > size) throw',
    replace: 'if (end > 2 * size) throw',
  },
  {
    name: 'a ticket counts for ever',
    file: imageio('answer.ts'),
    find: '(ticket?.expires ?? Infinity) <= Date.now()',
    replace: '(ticket?.expires ?? Infinity) <= 0',
  },
  {
    name: 'a ticket that is taken back goes on where it is read',
    file: imageio('send-range.ts'),
    find: 'response, { signal });',
    replace: 'response, {});',
  },
  {
    name: 'who wants to write is let in',
    file: imageio('answer.ts'),
    find: "if (WRITES.has(method)) throw forbidden('this ticket is for reading');",
    replace: '',
  },
  {
    name: 'a zero extent hides that it was changed',
    file: imageio('image-extents.ts'),
    find: 'yield { start: run.offset, length: run.length, dirty: run.dirty, zero };',
    replace: 'yield { start: run.offset, length: run.length, dirty: run.dirty && !zero, zero };',
  },
];
