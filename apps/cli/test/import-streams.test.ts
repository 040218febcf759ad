import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

/** Where `tools/virtnbdbackup.sh` has put its modules. */
const FOLDER = process.env['VIRTNBDBACKUP_DIR'];
const isThere = FOLDER !== undefined && existsSync(join(FOLDER, 'libvirtnbdbackup/sparsestream'));
const why = 'needs tools/virtnbdbackup.sh FOLDER once, then VIRTNBDBACKUP_DIR=FOLDER';
if (!isThere) console.warn(`SKIPPED: import of what virtnbdbackup writes: ${why}`);

const KiB = 1024;
const SIZE = 3 * KiB * KiB + 512;

type Extent = readonly [offset: number, length: number, isData: boolean];

describe.skipIf(!isThere)('streams that virtnbdbackup has written', () => {
  const dir = tempDir();
  const at = (name: string) => join(dir, name);
  const content = Buffer.alloc(SIZE);
  const states: Buffer[] = [];

  function write(
    file: string,
    extents: readonly Extent[],
    more: Record<string, unknown> = {},
  ): void {
    writeFileSync(at('now.raw'), content);
    const number = states.length;
    const spec = {
      file: at(file),
      raw: at('now.raw'),
      extents,
      disk: 'vda',
      checkpoint: `virtnbdbackup.${number}`,
      parent: number === 0 ? '' : `virtnbdbackup.${number - 1}`,
      level: number === 0 ? 'full' : 'inc',
      compress: false,
      ...more,
    };
    execFileSync('python3', [join(import.meta.dirname, 'support/write-streams.py')], {
      input: `${JSON.stringify(spec)}\n`,
      env: { ...process.env, PYTHONPATH: FOLDER },
    });
    states.push(Buffer.from(content));
  }

  /** A chain of a full backup and two increments, the second of which writes zeros over data. */
  function writeChain(): void {
    content.fill(7, 64 * KiB, 1024 * KiB);
    content.fill(9, SIZE - 600);
    write('vda.full.data', [
      [0, 64 * KiB, false],
      [64 * KiB, 960 * KiB, true],
      [1024 * KiB, SIZE - 1024 * KiB - 65_536, false],
      [SIZE - 65_536, 65_536, true],
    ]);
    content.fill(5, 512 * KiB, 640 * KiB);
    write('vda.inc.virtnbdbackup.1.data', [
      [0, 512 * KiB, false],
      [512 * KiB, 128 * KiB, true],
      [640 * KiB, SIZE - 640 * KiB, false],
    ]);
    content.fill(0, 576 * KiB, 704 * KiB);
    content.fill(3, 0, 100);
    write('vda.inc.virtnbdbackup.2.data', [
      [0, 64 * KiB, true],
      [64 * KiB, 512 * KiB, false],
      [576 * KiB, 128 * KiB, true],
      [704 * KiB, SIZE - 704 * KiB, false],
    ]);
  }

  it('become restore points that give back each state of the disk', async () => {
    writeChain();
    await succeed('repo', 'create', at('site'));
    const top = at('vda.inc.virtnbdbackup.2.data');
    const words = ['repo', 'import', at('site'), top, '--drive-id', 'vda'] as const;
    expect(await succeedJson(...words)).toMatchObject([
      { kind: 'full', wasThere: false },
      { kind: 'incremental', wasThere: false },
      { kind: 'incremental', wasThere: false },
    ]);
    for (const [index, state] of states.entries()) {
      const restored = at(`restored-${index}.raw`);
      await succeed('restore', at('site'), restored, '--point', `${index + 1}`, '-f', 'raw');
      expect([index, differs(readFileSync(restored), state)]).toEqual([index, -1]);
    }
    await succeed('repo', 'check', at('site'));
    expect(await succeedJson(...words)).toMatchObject([
      { wasThere: true },
      { wasThere: true },
      { wasThere: true },
    ]);
  });

  it('of which one is missing, or could be two, are refused', async () => {
    const top = at('vda.inc.virtnbdbackup.2.data');
    await succeed('repo', 'create', at('other'));
    const words = ['repo', 'import', at('other'), top] as const;
    const middle = readFileSync(at('vda.inc.virtnbdbackup.1.data'));
    writeFileSync(at('vda.diff.virtnbdbackup.1.data'), middle);
    expect(await fail(...words)).toMatchObject({ code: 'BACKUP_PARENT_MISMATCH' });
    rmSync(at('vda.diff.virtnbdbackup.1.data'));
    rmSync(at('vda.inc.virtnbdbackup.1.data'));
    expect(await fail(...words)).toMatchObject({ code: 'BACKUP_PARENT_MISMATCH' });
    writeFileSync(at('vda.inc.virtnbdbackup.1.data'), middle);
    utimesSync(at('vda.inc.virtnbdbackup.1.data'), 1, 1);
  });

  it('that are compressed, cut short or not in order are refused, and nothing is made of them', async () => {
    const file = at('vda.copy.data');
    const alone = { level: 'copy', parent: '', disk: 'vdb' };
    const words = ['repo', 'import', at('other'), file] as const;
    write('vda.copy.data', [], { ...alone, compress: true });
    expect(await fail(...words)).toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
    write('vda.copy.data', [[0, 4096, true]], alone);
    const whole = readFileSync(file);
    for (const length of [40, 200, whole.length - 41, whole.length - 1]) {
      truncateSync(file, length);
      expect(await fail(...words)).toMatchObject({ code: 'IMAGE_CORRUPT' });
      writeFileSync(file, whole);
    }
    for (const extents of [
      [
        [8192, 4096, true],
        [0, 4096, true],
      ],
      [[SIZE - 100, 4096, false]],
    ]) {
      write('vda.copy.data', extents as unknown as Extent[], alone);
      expect(await fail(...words)).toMatchObject({ code: 'IMAGE_CORRUPT' });
    }
    expect(await succeedJson('repo', 'list', at('other'))).toEqual([]);
  });
});

/** Where the first byte is that is not alike; -1: nowhere. */
function differs(one: Buffer, other: Buffer): number {
  if (one.length !== other.length) return Math.min(one.length, other.length);
  return one.findIndex((byte, index) => byte !== other[index]);
}
