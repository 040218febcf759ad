import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { DirectoryObjectStore } from '@tidemark/object-store';
import { backUpDrives, createRepository, type Secret } from '@tidemark/repository';
import { expect, it } from 'vitest';
import { askCsi, describeWithPythonGrpc } from '../../../../tools/python-grpc.ts';
import { tempDir } from '../../../../tools/qemu.ts';
import { end, reload, ServicePlace, startService } from '../support/service.ts';

const root = tempDir();
const BLOCK = 65_536;
const SIZE = 64 * BLOCK;

/** A repository with two points of a drive, which differ in one block. */
async function twoPoints(
  path: string,
  changed: number,
  secret?: Secret,
): Promise<readonly [string, string]> {
  const repository = await createRepository(new DirectoryObjectStore(path), { secret });
  const source = new MemoryDevice({ size: SIZE });
  const drive = { id: 'vm', label: 'vm', format: 'raw' };
  const backUp = async () =>
    (await backUpDrives({ repository, granularity: BLOCK, drives: [{ source, drive }] }))[0]!.id;
  await source.write(Buffer.alloc(BLOCK, 1), 3 * BLOCK);
  const first = await backUp();
  await source.write(Buffer.alloc(BLOCK, 2), changed * BLOCK);
  return [first, await backUp()];
}

describeWithPythonGrpc("CSI's SnapshotMetadata of a daemon", () => {
  it('tells of the restore points of a repository, as the configuration says', async () => {
    const place = new ServicePlace(join(root, '0'));
    const [one, other] = [place.path('one'), place.path('other')];
    const [base, target] = await twoPoints(one, 7);
    const [, elsewhere] = await twoPoints(other, 9);
    const listen = { unix: place.path('csi.sock'), mode: '0600' };
    place.write({ 'csi-metadata': { listen, repository: one } });
    const service = await startService(place);
    const allocated = (id: string) =>
      askCsi(listen.unix, 'GetMetadataAllocated', { snapshotId: id });
    expect(await allocated(base)).toEqual({
      code: 'OK',
      sizes: [SIZE],
      ranges: [[3 * BLOCK, BLOCK]],
    });
    const request = { baseSnapshotId: base, targetSnapshotId: target };
    expect(await askCsi(listen.unix, 'GetMetadataDelta', request)).toEqual({
      code: 'OK',
      sizes: [SIZE],
      ranges: [[7 * BLOCK, BLOCK]],
    });
    place.write({ 'csi-metadata': { listen, repository: other } });
    await reload(service);
    expect((await allocated(target)).code).toBe('NOT_FOUND');
    expect((await allocated(elsewhere)).ranges).toEqual([
      [3 * BLOCK, BLOCK],
      [9 * BLOCK, BLOCK],
    ]);
    place.write({ 'csi-metadata': { listen, repository: place.path('none') } });
    const from = service.lines.length;
    await reload(service);
    expect(service.lines.slice(from).join('\n')).toMatch(/csi-metadata: there is no repository in/);
    expect((await allocated(elsewhere)).code).toBe('OK');
    expect(await end(service)).toBe(0);
  });

  it('opens an encrypted repository by a passphrase or a key, and nothing by another', async () => {
    const place = new ServicePlace(join(root, '1'));
    const [one, other] = [place.path('one'), place.path('other')];
    const [passphraseFile, keyFile] = [place.path('passphrase'), place.path('key')];
    const key = Buffer.alloc(40, '\n7');
    writeFileSync(passphraseFile, 'correct horse\r\nwhat it is for\n', { mode: 0o600 });
    writeFileSync(keyFile, key, { mode: 0o640 });
    const passphrase = 'correct horse';
    const [, first] = await twoPoints(one, 7, { kind: 'passphrase', passphrase });
    const [, second] = await twoPoints(other, 9, { kind: 'key', key });
    const listen = { unix: place.path('csi.sock') };
    const configure = (more: object) =>
      place.write({ 'csi-metadata': { listen, repository: one, ...more } });
    configure({ 'passphrase-file': passphraseFile });
    const service = await startService(place);
    const allocated = async (id: string) =>
      (await askCsi(listen.unix, 'GetMetadataAllocated', { snapshotId: id })).ranges;
    expect(await allocated(first)).toEqual([
      [3 * BLOCK, BLOCK],
      [7 * BLOCK, BLOCK],
    ]);
    const refused = async (more: object) => {
      configure(more);
      const from = service.lines.length;
      await reload(service);
      return service.lines.slice(from).join('\n');
    };
    expect(await refused({})).toMatch(/csi-metadata: .*encrypted/);
    expect(await refused({ 'key-file': keyFile })).toMatch(/csi-metadata: .*(key|secret)/);
    chmodSync(keyFile, 0o644);
    const open = { repository: other, 'key-file': keyFile };
    expect(await refused(open)).toMatch(/csi-metadata: .*key' is mode 0644, and holds a secret/);
    expect(await allocated(first)).toHaveLength(2);
    chmodSync(keyFile, 0o600);
    configure(open);
    await reload(service);
    expect(await allocated(second)).toEqual([
      [3 * BLOCK, BLOCK],
      [9 * BLOCK, BLOCK],
    ]);
    expect(await end(service)).toBe(0);
  });
});
