import type { Cases } from './contract-case.ts';
import { codeOf, create, load, makeBitmap, namesIn, pictureOf, remove, store } from './helpers.ts';

// QEMU takes any bytes but NUL, up to 1023 of them.
const POSSIBLE = [
  'x'.repeat(1023),
  `${'\u{1f30a}'.repeat(255)}abc`,
  'monday',
  'Monday',
  'monday ',
  '..',
  'a/b\\c',
  'quote " and \' and \n line',
  '\u00e9 in one',
  'e\u0301 in two',
  '\u00e9',
  'e\u0301',
  '__proto__',
  'constructor',
];

export function nameCases({ it, expect }: Cases): void {
  it('keeps every name that is possible, and tells them all apart', async (disk) => {
    const shapes = POSSIBLE.map((name, i) => ({ name, dirty: [[i * 65_536, 1]] as const }));
    const bitmaps = await disk.open();
    await bitmaps.commit(shapes.map((shape) => create(shape.name, shape)));
    const next = await disk.reopen(bitmaps);
    expect(await namesIn(next)).toEqual(POSSIBLE);
    for (const shape of shapes) {
      const expected = [shape.name, pictureOf(makeBitmap(shape))];
      expect([shape.name, await load(next, shape.name)]).toEqual(expected);
    }
  });

  const impossible = [
    ['an empty name', ''],
    ['a name of 1024 bytes', 'x'.repeat(1024)],
    ['a name of 1024 bytes in 256 characters', '\u{1f30a}'.repeat(256)],
    ['a name with NUL in it', 'a\0b'],
    ['a name that is no Unicode text', 'a\ud800'],
  ] as const;
  for (const [what, name] of impossible) {
    it(`refuses ${what}`, async (disk) => {
      const bitmaps = await disk.open();
      expect(await codeOf(bitmaps.commit([create(name)]))).toEqual('BITMAP_INVALID');
      expect(await (await disk.reopen(bitmaps)).list()).toEqual([]);
    });
  }

  it('finds nothing under a name that only resembles one', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('bitmap')]);
    for (const name of ['Bitmap', 'bitmap ', 'bitma', 'constructor', '']) {
      expect([name, await codeOf(bitmaps.load(name))]).toEqual([name, 'BITMAP_NOT_FOUND']);
      expect(await codeOf(bitmaps.acquire([name]))).toEqual('BITMAP_NOT_FOUND');
      expect(await codeOf(bitmaps.commit([store(name)]))).toEqual('BITMAP_NOT_FOUND');
      expect(await codeOf(bitmaps.commit([remove(name)]))).toEqual('BITMAP_NOT_FOUND');
    }
    expect(await namesIn(await disk.reopen(bitmaps))).toEqual(['bitmap']);
  });
}
