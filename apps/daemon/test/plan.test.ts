import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { parseOptions } from '../src/options/parse-options.ts';
import { planDrives } from '../src/plan.ts';

const dir = tempDir();

/** Each drive's bitmaps and where they are kept, for options as they stand on a command line. */
async function plan(...args: readonly string[]): Promise<Record<string, readonly string[]>> {
  const { drives, bitmaps } = parseOptions(args);
  const planned = await planDrives(drives, bitmaps);
  return Object.fromEntries(
    planned.map(({ option, bitmaps }) => [
      option.id,
      bitmaps.map(({ option: { name }, place }) =>
        place.kind === 'sidecar' ? `${name} in ${place.path}` : `${name}: ${place.kind}`,
      ),
    ]),
  );
}

const drive = (id: string, format = 'raw') => [
  '-drive',
  `file=${dir}/${id},format=${format},id=${id}`,
];
const bitmap = (text: string) => ['-dirty-bitmap', text];

describe('planDrives', () => {
  it('keeps a bitmap with its drive when no file is named', async () => {
    const planned = await plan(...drive('a'), ...drive('b', 'qcow2'), ...bitmap('name=n,drive=b'));
    expect(planned).toEqual({ a: [], b: ['n: own'] });
  });

  it('needs no drive= where there is but one drive', async () => {
    expect(await plan(...drive('a'), ...bitmap('name=n'))).toEqual({ a: ['n: own'] });
    await expect(plan(...drive('a'), ...drive('b'), ...bitmap('name=n'))).rejects.toThrow(
      "-dirty-bitmap 'n': it names no drive",
    );
  });

  it('takes file_id= for a file in whatever order the options come', async () => {
    const named = bitmap(`name=n,drive=a,file=${dir}/s,file_id=f`);
    const other = bitmap('name=m,file_id=f');
    const expected = { a: [`m in ${dir}/s`, `n in ${dir}/s`] };
    const first = await plan(...drive('a'), ...drive('b'), ...named, ...other);
    expect({ a: first['a']!.toSorted() }).toEqual(expected);
    const last = await plan(...other, ...named, ...drive('b'), ...drive('a'));
    expect({ a: last['a']!.toSorted() }).toEqual(expected);
  });

  it('sends an option that names only a file to the drive that another gives that file', async () => {
    const options = [bitmap(`name=n,file=${dir}/s`), bitmap(`name=m,drive=b,file=${dir}/s`)];
    const planned = await plan(...drive('a'), ...drive('b'), ...options.flat());
    expect(planned['b']).toEqual([`n in ${dir}/s`, `m in ${dir}/s`]);
  });

  it('keeps a bitmap in memory when it is not persistent', async () => {
    expect(await plan(...drive('a'), ...bitmap('name=n,persistent=off'))).toEqual({
      a: ['n: memory'],
    });
  });

  it('refuses a sidecar for two drives, whatever it is called', async () => {
    await mkdir(join(dir, 'real'));
    await writeFile(join(dir, 'real', 's'), '');
    await symlink('real', join(dir, 'link'));
    const a = bitmap(`name=n,drive=a,file=${dir}/real/s`);
    for (const path of ['real/s', 'link/s', 'real/../real/s', './link/../real/s']) {
      const b = bitmap(`name=n,drive=b,file=${dir}/${path}`);
      await expect(plan(...drive('a'), ...drive('b'), ...a, ...b)).rejects.toThrow(
        "serves drive 'a' and cannot serve 'b' too",
      );
    }
  });

  it("refuses another drive's default sidecar", async () => {
    await writeFile(join(dir, 'b'), '');
    const stolen = bitmap(`name=n,drive=a,file=${dir}/b.tidemark.qcow2`);
    await expect(plan(...drive('a'), ...drive('b'), ...stolen)).rejects.toThrow(
      "serves drive 'b' and cannot serve 'a' too",
    );
  });

  it.each([
    ['name=n,drive=z', "there is no drive 'z'"],
    ['name=n,file_id=f', "no option says which file 'file_id=f' is"],
    ['name=n,drive=q,file=/s', "drive 'q' is qcow2 and keeps its bitmaps itself"],
    ['name=n,drive=m,file=/s', "drive 'm' is in memory and so are its bitmaps"],
    ['name=n,drive=a,file=/s,persistent=off', "'persistent=off' keeps it in memory, not in a file"],
  ])('refuses %s', async (text, problem) => {
    const drives = [drive('a'), drive('q', 'qcow2'), ['-drive', 'driver=memory,size=1M,id=m']];
    await expect(plan(...drives.flat(), ...bitmap(text))).rejects.toThrow(problem);
  });

  it('refuses a name that is given twice for one drive, and takes it for two', async () => {
    const twice = [...bitmap('name=n,drive=a'), ...bitmap('name=n,drive=a,persistent=off')];
    await expect(plan(...drive('a'), ...twice)).rejects.toThrow(
      'has an option for this name already',
    );
    const apart = [...bitmap('name=n,drive=a'), ...bitmap('name=n,drive=b')];
    expect(await plan(...drive('a'), ...drive('b'), ...apart)).toEqual({
      a: ['n: own'],
      b: ['n: own'],
    });
  });

  it('refuses a file_id that stands for two files', async () => {
    const options = [bitmap('name=n,file=/s,file_id=f'), bitmap('name=m,file=/t,file_id=f')];
    await expect(plan(...drive('a'), ...options.flat())).rejects.toThrow(
      "'file_id=f' is '/s' already",
    );
  });
});
