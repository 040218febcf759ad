import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDaemon } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { LIVE_SIZE, LiveDrives } from './support/live-drives.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const GRANULE = 65_536;

interface BackedUp {
  readonly points: readonly {
    readonly point: number;
    readonly kind: string;
    readonly reason: string;
    readonly totals: { readonly looked: number; readonly read: number };
  }[];
}

describe('live drives', () => {
  const dir = tempDir();
  const repository = join(dir, 'repository');
  const live = new LiveDrives(dir);
  const [a, b] = live.addresses;

  beforeAll(async () => {
    await live.make();
    await live.start();
    await succeed('repo', 'create', repository);
  });
  afterAll(() => live.stop());

  it('are backed up as they are in one instant, while they are written', async () => {
    await live.writeSome(100);
    live.beginToWrite();
    const first = await succeedJson<BackedUp>('backup', a, repository, '--with', b);
    expect(first.points).toMatchObject([{ kind: 'full' }, { kind: 'full' }]);
    expect(live.areOfOneInstant(await live.restored(repository))).toBe(true);
    for (let turn = 0; turn < 3; turn++) {
      const next = await succeedJson<BackedUp>('backup', a, repository, '--with', b);
      expect(next.points).toMatchObject([{ kind: 'incremental' }, { kind: 'incremental' }]);
      expect(live.areOfOneInstant(await live.restored(repository))).toBe(true);
    }
    await live.stopWriting();
    expect(await live.bitmapNames('a')).toEqual([
      expect.stringMatching(/^backup-.*@[0-9a-f]{32}$/),
    ]);
  });

  it('are read only where they were written', async () => {
    await succeedJson<BackedUp>('backup', a, repository, '--with', b);
    await live.writeSome(1);
    const { points } = await succeedJson<BackedUp>('backup', a, repository, '--with', b);
    const looked = points.map(({ totals }) => totals.looked);
    expect(looked.toSorted((x, y) => x - y)).toEqual([0, GRANULE]);
  });

  it('take turns with backups of the same drives at rest', async () => {
    await live.writeSome(10);
    await live.stop();
    const atRest = await succeedJson<BackedUp>('backup', live.paths[0], repository);
    expect(atRest.points).toMatchObject([{ kind: 'incremental' }]);
    await live.start();
    await live.writeSome(10);
    const again = await succeedJson<BackedUp>('backup', a, repository, '--with', b);
    expect(again.points).toMatchObject([{ kind: 'incremental' }, { kind: 'incremental' }]);
    await live.stop();
    expect(await live.restored(repository)).toEqual(await live.contents());
    await live.start();
  });

  it('stand on a bitmap of your own, in turn or differentially', async () => {
    const own = join(dir, 'own');
    await succeed('repo', 'create', own);
    for (const node of ['a', 'b']) await succeed('ctl', 'add', live.socket, node, 'mine');
    const flags = ['--with', b, '--bitmap', 'mine'];
    const backUp = async (...more: readonly string[]) => {
      const { points } = await succeedJson<BackedUp>('backup', a, own, ...flags, ...more);
      expect(points.map(({ kind }) => kind)).toEqual([points[0]!.kind, points[0]!.kind]);
      return points[0]!;
    };
    expect(await backUp()).toMatchObject({ kind: 'full' });
    await live.writeSome(4);
    const first = await backUp('--differential');
    expect(first).toMatchObject({ kind: 'incremental' });
    await live.writeSome(4);
    const second = await backUp();
    expect(second).toMatchObject({ kind: 'incremental', reason: first.reason });
    expect(second.totals.looked).toBeGreaterThan(0);
    expect(live.areOfOneInstant(await live.restored(own))).toBe(true);
    expect(await backUp()).toMatchObject({ kind: 'incremental', totals: { looked: 0 } });
  });

  it('are read as a whole where it turns out that the chain is broken', async () => {
    const broken = join(dir, 'broken');
    await succeed('repo', 'create', broken);
    await live.writeSome(100);
    await succeed('backup', a, broken);
    await live.writeSome(20);
    rmSync(join(broken, 'packs'), { recursive: true });
    const { points } = await succeedJson<BackedUp>('backup', a, broken);
    expect(points).toMatchObject([{ kind: 'full', totals: { looked: LIVE_SIZE } }]);
  });

  it('are refused where they have no instant in common, or are not there', async () => {
    const mixed = await fail('backup', a, repository, '--with', live.paths[1]);
    expect(mixed).toMatchObject({ code: 'USAGE' });
    expect(await fail('backup', `${live.socket}#none`, repository)).toMatchObject({
      code: 'USAGE',
    });
    const none = await fail('backup', a, repository, '--bitmap', 'none');
    expect(none).toMatchObject({ code: 'BITMAP_NOT_FOUND' });
    expect(await fail('backup', live.paths[0], repository, '--scratch', dir)).toMatchObject({
      code: 'USAGE',
    });
  });

  it('that keep no bitmap are backed up without', async () => {
    const raw = join(dir, 'bare.raw');
    writeFileSync(raw, new Uint8Array(1024 * 1024));
    const socket = join(dir, 'bare.sock');
    const drive = `file=${raw},format=raw,id=bare`;
    const daemon = await startDaemon('-drive', drive, '--qmp', `unix:${socket},server=on`);
    const words = ['backup', `${socket}#bare`, repository] as const;
    const refused = await fail(...words);
    expect(refused).toMatchObject({ code: 'BITMAP_UNSUPPORTED', exit: 9 });
    expect(refused.context.hint).toContain('--no-bitmaps');
    const { points } = await succeedJson<BackedUp>(...words, '--no-bitmaps');
    expect(points).toMatchObject([{ kind: 'full' }]);
    await daemon.stop();
  });
});
