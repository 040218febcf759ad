import { mkdtempSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOurs } from './support/both.ts';
import { bitmapsOf, bytesOf, makeDrive, toDataFile } from './support/raw-drive.ts';

const MIB = 1024 * 1024;

describe('a raw drive with a sidecar', () => {
  let dir: string;
  let count = 0;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'img-sidecar-'));
    writeFileSync(join(dir, 'source.raw'), Buffer.alloc(3 * 65_536, 7));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const img = (line: string) => runOurs(dir, line.split(' '));
  const newDrive = async (size?: number) => {
    const name = `disk${(count += 1)}.raw`;
    return { name, path: join(dir, name), sidecar: await makeDrive(join(dir, name), size) };
  };

  it.each(['', '-S 0 ', '-f raw '])(
    'has all that convert -n %swrites marked in what records',
    async (options) => {
      const { name, path } = await newDrive();
      symlinkSync(path, join(dir, `link-to-${name}`));
      const line = `convert -n ${options}-O raw source.raw link-to-${name}`;
      expect(await img(line)).toEqual({ code: 0, stdout: '', stderr: '' });
      expect((await img(`compare -f raw -F raw source.raw ${name}`)).code).toBe(1);
      expect(await bitmapsOf(path)).toEqual({ records: [0, 1, 2], rests: [] });
    },
  );

  it('has what resize adds marked in every bitmap', async () => {
    const { name, path } = await newDrive();
    const grown = { code: 0, stdout: 'Image resized.\n', stderr: '' };
    expect(await img(`resize -f raw ${name} +128k`)).toEqual(grown);
    expect(await bitmapsOf(path)).toEqual({ records: [16, 17], rests: [16, 17] });
    expect(await img(`resize -f raw --preallocation=full ${name} +64k`)).toEqual(grown);
    expect(await bitmapsOf(path)).toEqual({ records: [16, 17, 18], rests: [16, 17, 18] });
    expect(await img(`resize -f raw --shrink ${name} 1100k`)).toEqual(grown);
    expect(await bitmapsOf(path)).toEqual({ records: [16, 17], rests: [16, 17] });
  });

  it('is not changed when its bitmaps cannot follow', async () => {
    const broken = await newDrive();
    truncateSync(broken.sidecar, 100);
    const forQemu = await newDrive();
    await toDataFile(forQemu.path);
    for (const { name, path, sidecar } of [broken, forQemu]) {
      const before = bytesOf(path, sidecar);
      for (const line of [`convert -n -O raw source.raw ${name}`, `resize -f raw ${name} 4M`]) {
        const { code, stderr } = await img(line);
        expect(code).toBe(1);
        expect(stderr).toContain(`'${name}' has bitmaps in '${sidecar}' that cannot follow: `);
      }
      expect(bytesOf(path, sidecar)).toBe(before);
    }
    const hint = `tidemark img: hint: run 'tidemark sidecar convert ${forQemu.name} --to plain' first`;
    expect((await img(`resize -f raw ${forQemu.name} 4M`)).stderr).toContain(hint);
    const odd = await newDrive(MIB - 100);
    const { code, stderr } = await img(`convert -n -O raw source.raw ${odd.name}`);
    expect(code).toBe(1);
    expect(stderr).toContain('the file is not of whole sectors');
  });

  it('may be written where its bitmaps are lost already, and does not become another size', async () => {
    const { name, path } = await newDrive();
    writeFileSync(path, Buffer.alloc(MIB, 5));
    expect((await img(`convert -n -O raw source.raw ${name}`)).code).toBe(0);
    expect(await bitmapsOf(path)).toEqual({ records: 'inconsistent', rests: 'inconsistent' });
    const { code, stderr } = await img(`resize -f raw ${name} 4M`);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("'records'") });
    expect(statSync(path).size).toBe(MIB);
  });

  it('is told of when it is made anew, and its bitmaps are not used again', async () => {
    const { name, path, sidecar } = await newDrive();
    const warning = `tidemark img: warning: '${sidecar}' has bitmaps of what was in '${name}'`;
    expect((await img(`create -q -f raw ${name} 1M`)).stderr).toContain(warning);
    expect(await bitmapsOf(path)).toEqual({ records: 'inconsistent', rests: 'inconsistent' });
    expect((await img(`convert -O raw source.raw ${name}`)).stderr).toContain(warning);
    const line = `create -q -f qcow2 -o data_file=${name},data_file_raw=on over.qcow2 1M`;
    expect((await img(line)).stderr).toContain(warning);
  });

  describe('whose sidecar is named as an image', () => {
    it.each([
      'resize SIDECAR 4M',
      'bitmap --add SIDECAR more',
      'bitmap --clear SIDECAR records',
      'bitmap --remove SIDECAR records',
      'convert -n -O qcow2 source.raw SIDECAR',
      'bitmap --merge records -b SIDECAR -F qcow2 other.qcow2 mine',
      'convert --bitmaps -O qcow2 SIDECAR new.qcow2',
    ])('stays as it is where this is refused: %s', async (line) => {
      await img('create -q -f qcow2 other.qcow2 1M');
      await img('bitmap --add other.qcow2 mine');
      for (const toKind of [async () => {}, toDataFile]) {
        const { name, path, sidecar } = await newDrive();
        await toKind(path);
        const before = bytesOf(path, sidecar);
        const { code, stderr } = await img(line.replace('SIDECAR', `${name}.tidemark.qcow2`));
        expect({ code, isNamed: stderr.includes('tidemark img: hint: name the drive') }).toEqual({
          code: 1,
          isNamed: true,
        });
        expect(bytesOf(path, sidecar)).toBe(before);
      }
    });

    it.each(['info', 'check', 'map', 'measure -O qcow2'])('is looked at by %s', async (command) => {
      const { name } = await newDrive();
      const [verb, ...rest] = command.split(' ');
      const words = [verb, ...rest, `${name}.tidemark.qcow2`].join(' ');
      expect((await img(words)).code).toBe(0);
    });
  });
});
