import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DirtyBitmap } from '@tidemark/core';
import { createDrive, openDrive, openDriveBitmaps } from '@tidemark/drive';
import { connectNbd } from '@tidemark/nbd';
import { beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import {
  bitmapsOf,
  digestsOf,
  dirtyRanges,
  guestWrite,
  refusal,
  serving,
} from './support/serving.ts';

const SIZE = 64 * 1024 * 1024;
const root = tempDir();
let dir = '';
let count = 0;

beforeEach(() => {
  dir = join(root, String(count++));
  mkdirSync(dir);
});

async function newDrive(name: string, format: 'raw' | 'qcow2', size = SIZE): Promise<string> {
  const path = join(dir, name);
  await (await createDrive(path, { format, size })).device.close();
  return path;
}

/** Adds a bitmap at rest to a drive, as `tidemark bitmap add` does. */
async function addBitmap(
  path: string,
  name: string,
  enabled = true,
  sidecar?: string,
): Promise<void> {
  const drive = await openDrive(path, { access: 'bitmaps' });
  const options = { create: true, ...(sidecar !== undefined && { sidecar }) };
  const { store } = await openDriveBitmaps(drive, options);
  const content = new DirtyBitmap(store!.diskSize, 65_536);
  await store!.commit([{ op: 'create', name, enabled, content }]);
  await store!.close();
  await drive.device.close();
}

const drive = (path: string, more = '') => ['-drive', `file=${path},id=vm${more}`];
const bitmap = (text: string) => ['-dirty-bitmap', text];

describe.each(['raw', 'qcow2'] as const)('-dirty-bitmap of a %s drive', (format) => {
  it('with create=on makes the bitmap, and the sidecar of a raw drive', async () => {
    const path = await newDrive('disk', format);
    await serving(dir, [...drive(path), ...bitmap('name=n,create=on,granularity=4k')], (uri) =>
      guestWrite(uri('vm'), 4096, 1),
    );
    expect(existsSync(`${path}.tidemark.qcow2`)).toBe(format === 'raw');
    expect(await bitmapsOf(path)).toMatchObject({
      n: { granularity: 4096, enabled: true, state: 'stored', dirtyBytes: 4096 },
    });
    expect(await dirtyRanges(path, 'n')).toEqual([[4096, 4096]]);
  });

  it("has QEMU's granularity when none is given", async () => {
    const path = await newDrive('disk', format);
    await serving(dir, [...drive(path), ...bitmap('name=n,create=on')], async () => {});
    expect((await bitmapsOf(path))['n']).toMatchObject({ granularity: 65_536 });
  });

  it('with create=on fails when the name exists, and changes nothing', async () => {
    const path = await newDrive('disk', format);
    await addBitmap(path, 'n');
    const before = digestsOf(dir);
    expect(await refusal(...drive(path), ...bitmap('name=n,create=on'))).toContain('BITMAP_EXISTS');
    expect(digestsOf(dir)).toEqual(before);
  });

  it('without create=on fails when the bitmap is missing, and makes no file', async () => {
    const path = await newDrive('disk', format);
    const before = digestsOf(dir);
    const problem = await refusal(...drive(path), ...bitmap('name=n'));
    expect(problem).toContain('BITMAP_NOT_FOUND');
    expect(problem).toContain("'n'");
    expect(digestsOf(dir)).toEqual(before);
  });

  it('fails when it is given a granularity that the bitmap has not', async () => {
    const path = await newDrive('disk', format);
    await addBitmap(path, 'n');
    const before = digestsOf(dir);
    const problem = await refusal(...drive(path), ...bitmap('name=n,granularity=4k'));
    expect(problem).toContain('65536 bytes, not 4096');
    expect(problem).toContain('BITMAP_INVALID');
    expect(digestsOf(dir)).toEqual(before);
    await serving(dir, [...drive(path), ...bitmap('name=n,granularity=64k')], async () => {});
  });

  it('goes on where it was left, session after session', async () => {
    const path = await newDrive('disk', format);
    await addBitmap(path, 'n');
    for (const at of [0, 10, 20]) {
      await serving(dir, [...drive(path), ...bitmap('name=n')], (uri) =>
        guestWrite(uri('vm'), at * 65_536, 100),
      );
    }
    expect(await dirtyRanges(path, 'n')).toEqual([
      [0, 65_536],
      [10 * 65_536, 65_536],
      [20 * 65_536, 65_536],
    ]);
  });

  it('with enabled=off binds it without recording, and stores that', async () => {
    const path = await newDrive('disk', format);
    await addBitmap(path, 'n');
    const write = async (uri: (id: string) => string) => guestWrite(uri('vm'), 0, 100);
    await serving(dir, [...drive(path), ...bitmap('name=n,enabled=off')], write);
    expect(await bitmapsOf(path)).toMatchObject({ n: { enabled: false, dirtyBytes: 0 } });
    // The stored flag is taken when the option is left out.
    await serving(dir, [...drive(path), ...bitmap('name=n')], write);
    expect(await bitmapsOf(path)).toMatchObject({ n: { enabled: false, dirtyBytes: 0 } });
    await serving(dir, [...drive(path), ...bitmap('name=n,enabled=on')], write);
    expect(await bitmapsOf(path)).toMatchObject({ n: { enabled: true, dirtyBytes: 65_536 } });
  });

  it('is not needed for a bitmap to record: every enabled one does, and no other', async () => {
    const path = await newDrive('disk', format);
    await addBitmap(path, 'recording');
    await addBitmap(path, 'resting', false);
    await serving(dir, drive(path), (uri) => guestWrite(uri('vm'), 65_536, 100));
    expect(await dirtyRanges(path, 'recording')).toEqual([[65_536, 65_536]]);
    expect(await dirtyRanges(path, 'resting')).toEqual([]);
  });

  it('with persistent=off is kept in memory and leaves no trace', async () => {
    const path = await newDrive('disk', format);
    const before = digestsOf(dir);
    const options = [...drive(path), ...bitmap('name=n,create=on,persistent=off')];
    const { result } = await serving(dir, options, async (uri) => {
      await guestWrite(uri('vm'), 65_536, 100);
      await using disk = await connectNbd(uri('vm'), { contexts: ['qemu:dirty-bitmap:n'] });
      const dirty: number[] = [];
      for await (const { offset, flags } of disk.contextExtents('qemu:dirty-bitmap:n', 0, SIZE)) {
        if (flags === 1) dirty.push(offset);
      }
      return dirty;
    });
    expect(result).toEqual([65_536]);
    expect(Object.keys(digestsOf(dir))).toEqual(Object.keys(before));
    expect(await bitmapsOf(path)).toEqual({});
  });

  it('changes nothing on any drive when an option of another one is wrong', async () => {
    const path = await newDrive('disk', format);
    await addBitmap(path, 'n');
    const other = await newDrive('other', 'raw');
    const before = digestsOf(dir);
    const problem = await refusal(
      ...[...drive(path), ...bitmap('name=n,drive=vm'), ...bitmap('name=new,drive=vm,create=on')],
      ...['-drive', `file=${other},id=other`, ...bitmap('name=missing,drive=other')],
    );
    expect(problem).toContain("'missing'");
    expect(digestsOf(dir)).toEqual(before);
  });

  it('cannot make a bitmap on a read-only drive', async () => {
    const path = await newDrive('disk', format);
    const before = digestsOf(dir);
    const problem = await refusal(...drive(path, ',read-only=on'), ...bitmap('name=n,create=on'));
    expect(problem).toMatch(/STORE_READ_ONLY|BITMAP_NOT_FOUND/);
    expect(digestsOf(dir)).toEqual(before);
  });

  it('is read on a read-only drive, and nothing is written', async () => {
    const path = await newDrive('disk', format);
    await addBitmap(path, 'n');
    const before = digestsOf(dir);
    await serving(dir, [...drive(path, ',read-only=on'), ...bitmap('name=n')], async (uri) => {
      await expect(guestWrite(uri('vm'), 0, 1)).rejects.toMatchObject({ code: 'DEVICE_READ_ONLY' });
      await using disk = await connectNbd(uri('vm'), { contexts: ['qemu:dirty-bitmap:n'] });
      expect(disk.writable).toBe(false);
      expect(disk.contexts).toContain('qemu:dirty-bitmap:n');
    });
    expect(digestsOf(dir)).toEqual(before);
  });
});

describe('a sidecar that an option names', () => {
  it('may be the default one, which is there already', async () => {
    const path = await newDrive('disk.raw', 'raw');
    await addBitmap(path, 'n');
    const named = bitmap(`name=n,file=${path}.tidemark.qcow2`);
    await serving(dir, [...drive(path, ',format=raw'), ...named], (uri) =>
      guestWrite(uri('vm'), 0, 1),
    );
    expect(await dirtyRanges(path, 'n')).toEqual([[0, 65_536]]);
  });

  it('is made, has a name for other options, and serves bitmaps of both', async () => {
    const path = await newDrive('disk.raw', 'raw');
    const sidecar = join(dir, 'elsewhere.qcow2');
    await serving(
      dir,
      [
        ...bitmap('name=m,file_id=s,create=on'),
        ...drive(path, ',format=raw'),
        ...bitmap(`name=n,file=${sidecar},file_id=s,create=on`),
      ],
      (uri) => guestWrite(uri('vm'), 0, 1),
    );
    expect(existsSync(`${path}.tidemark.qcow2`)).toBe(false);
    const stored = await bitmapsOf(path, '--sidecar', sidecar);
    expect(Object.keys(stored).toSorted()).toEqual(['m', 'n']);
    expect(await dirtyRanges(path, 'm', '--sidecar', sidecar)).toEqual([[0, 65_536]]);
  });

  it('stands beside the default one, whose enabled bitmaps record too', async () => {
    const path = await newDrive('disk.raw', 'raw');
    const sidecar = join(dir, 'elsewhere.qcow2');
    await addBitmap(path, 'default');
    await addBitmap(path, 'named', true, sidecar);
    await serving(
      dir,
      [...drive(path, ',format=raw'), ...bitmap(`name=named,file=${sidecar}`)],
      (uri) => guestWrite(uri('vm'), 0, 1),
    );
    expect(await dirtyRanges(path, 'default')).toEqual([[0, 65_536]]);
    expect(await dirtyRanges(path, 'named', '--sidecar', sidecar)).toEqual([[0, 65_536]]);
  });

  it('is refused when it is the drive itself, or goes with a qcow2 drive', async () => {
    const raw = await newDrive('disk.raw', 'raw');
    const image = await newDrive('disk.qcow2', 'qcow2');
    const before = digestsOf(dir);
    const itself = await refusal(
      ...drive(raw, ',format=raw'),
      ...bitmap(`name=n,file=${raw},create=on`),
    );
    expect(itself).toContain('is the drive itself');
    // Whether or not the option says that it is qcow2.
    for (const format of ['', ',format=qcow2']) {
      const options = [...drive(image, format), ...bitmap(`name=n,file=${dir}/s,create=on`)];
      expect(await refusal(...options)).toMatch(/keeps its bitmaps itself/);
    }
    expect(digestsOf(dir)).toEqual(before);
  });

  it('is refused for a drive of another size', async () => {
    const small = await newDrive('small.raw', 'raw');
    const large = await newDrive('large.raw', 'raw', 2 * SIZE);
    const sidecar = join(dir, 's.qcow2');
    await addBitmap(small, 'n', true, sidecar);
    const before = digestsOf(dir);
    const problem = await refusal(
      ...drive(large, ',format=raw'),
      ...bitmap(`name=n,file=${sidecar}`),
    );
    expect(problem).toContain('SIDECAR_MISMATCH');
    expect(digestsOf(dir)).toEqual(before);
  });

  it('is refused when it is another drive that is served', async () => {
    const a = await newDrive('a.raw', 'raw');
    const b = await newDrive('b.qcow2', 'qcow2');
    const before = digestsOf(dir);
    const problem = await refusal(
      ...['-drive', `file=${a},format=raw,id=a`, '-drive', `file=${b},id=b`],
      ...bitmap(`name=n,drive=a,file=${b},create=on`),
    );
    expect(problem).toMatch(/USAGE|LOCKED/);
    expect(digestsOf(dir)).toEqual(before);
  });
});

describe('a drive', () => {
  it('in memory is served and tracked, and is gone afterwards', async () => {
    const options = ['-drive', 'driver=memory,size=16M,id=vm', ...bitmap('name=n,create=on')];
    await serving(dir, options, async (uri) => {
      await guestWrite(uri('vm'), 65_536, 3);
      await using disk = await connectNbd(uri('vm'), { contexts: ['qemu:dirty-bitmap:n'] });
      const back = new Uint8Array(5);
      await disk.read(back, 65_535);
      expect([...back]).toEqual([0, 0x5a, 0x5a, 0x5a, 0]);
      const flags: number[] = [];
      for await (const run of disk.contextExtents('qemu:dirty-bitmap:n', 0, disk.size)) {
        flags.push(run.offset, run.length, run.flags);
      }
      expect(flags).toEqual([0, 65_536, 0, 65_536, 65_536, 1, 131_072, 2 ** 24 - 131_072, 0]);
    });
    expect(digestsOf(dir)).toEqual({});
  });

  it('with export=off is tracked but not served', async () => {
    const a = await newDrive('a', 'raw');
    const b = await newDrive('b', 'raw');
    const options = ['-drive', `file=${a},id=a`, '-drive', `file=${b},id=b,export=off`];
    await serving(dir, options, async (uri) => {
      await (await connectNbd(uri('a'))).close();
      await expect(connectNbd(uri('b'))).rejects.toThrow("export 'b' not present");
    });
  });
});
