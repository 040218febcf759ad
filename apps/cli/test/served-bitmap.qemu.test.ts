import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const newName = () => `nightly@${randomBytes(16).toString('hex')}`;

interface BackedUp {
  readonly points: readonly {
    readonly kind: string;
    readonly totals: { readonly looked: number };
  }[];
}

describeWithQemu('a drive of another server', ['qemu-img', 'qemu-io', 'qemu-nbd'], () => {
  const dir = tempDir();
  const image = join(dir, 'drive.qcow2');
  const repository = join(dir, 'repository');
  const socket = join(dir, 'nbd.sock');
  const uri = `nbd+unix:///?socket=${socket}`;
  const id = ['--drive-id', 'vm'];

  /** While QEMU shows the image, which stands still, with a bitmap of it. */
  async function shown<T>(bitmap: string | undefined, work: () => Promise<T>): Promise<T> {
    const pid = join(dir, 'pid');
    const which = bitmap === undefined ? [] : ['-B', bitmap];
    await run(
      'qemu-nbd',
      '-r',
      '-t',
      '-f',
      'qcow2',
      '-k',
      socket,
      '--fork',
      '--pid-file',
      pid,
      ...which,
      image,
    );
    try {
      return await work();
    } finally {
      await run('sh', '-c', `p=$(cat ${pid}); kill $p; tail -s 0.05 --pid=$p -f /dev/null`);
      rmSync(socket, { force: true });
    }
  }

  it('is backed up in increments by bitmaps whose names tell where they began', async () => {
    await succeed('repo', 'create', repository);
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', image, '8M');
    await run('qemu-io', '-c', 'write -P 1 0 3M', image);
    let last = newName();
    await run('qemu-img', 'bitmap', '--add', image, last);
    const first = await shown(undefined, async () =>
      succeedJson<BackedUp>('backup', uri, repository, ...id, '--begins', last),
    );
    expect(first.points).toMatchObject([{ kind: 'full' }]);
    for (let turn = 2; turn < 4; turn++) {
      await run('qemu-io', '-c', `write -P ${turn} ${turn}M 64k`, image);
      const next = newName();
      await run('qemu-img', 'bitmap', '--add', image, next);
      const flags = [...id, '--bitmap', last, '--begins', next];
      const made = await shown(last, async () =>
        succeedJson<BackedUp>('backup', uri, repository, ...flags),
      );
      expect(made.points).toMatchObject([{ kind: 'incremental', totals: { looked: 65_536 } }]);
      last = next;
    }
    const restored = join(dir, 'restored.raw');
    await succeed('restore', repository, restored, '-f', 'raw');
    await run('qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', 'raw', image, restored);
  });

  it('is backed up in full by a bitmap that began elsewhere, and not by one that tells nothing', async () => {
    const other = newName();
    await run('qemu-img', 'bitmap', '--add', image, other);
    await shown(other, async () => {
      const flags = [...id, '--bitmap', other];
      const made = await succeedJson<BackedUp>('backup', uri, repository, ...flags);
      expect(made.points).toMatchObject([{ kind: 'full' }]);
      const wrong = await fail('backup', uri, repository, ...id, '--bitmap', 'nightly');
      expect(wrong).toMatchObject({ code: 'USAGE' });
      const missing = await fail('backup', uri, repository, ...id, '--bitmap', newName());
      expect(missing).toMatchObject({ code: 'BITMAP_NOT_FOUND' });
    });
    const local = await fail('backup', image, repository, '--begins', newName());
    expect(local).toMatchObject({ code: 'USAGE' });
  });
});
