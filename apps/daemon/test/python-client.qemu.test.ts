import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, tempDir } from '../../../tools/qemu.ts';
import { DAEMONS, type DaemonName, startEither } from './support/either-daemon.ts';

/** Where `tools/qemu-qmp.sh` has put QEMU's client. */
const FOLDER = process.env['QEMU_QMP_DIR'];
const isThere = FOLDER !== undefined && existsSync(join(FOLDER, 'qemu/qmp'));
const why = 'needs tools/qemu-qmp.sh FOLDER once, then QEMU_QMP_DIR=FOLDER';
if (!isThere) console.warn(`SKIPPED: QEMU's own QMP client for Python: ${why}`);

describe.skipIf(!isThere)("QEMU's own QMP client for Python", () => {
  const dir = tempDir();
  const script = join(import.meta.dirname, 'support/python-client.py');

  it('is answered alike by both daemons, as it is today and as it was before asyncio', async () => {
    const told = new Map<DaemonName, unknown>();
    for (const name of Object.keys(DAEMONS) as DaemonName[]) {
      const daemon = await startEither(name, dir);
      await daemon.qmp.close();
      const client = ['env', `PYTHONPATH=${FOLDER}`, 'python3', script, daemon.socket] as const;
      told.set(name, JSON.parse(await run(...client)));
      expect(await daemon.ended).toBe(0);
    }
    expect(told.get('tidemarkd')).toEqual(told.get('qemu-storage-daemon'));
    expect(told.get('tidemarkd')).toMatchObject([{ event: { device: 'j' } }, { names: ['quit'] }]);
  });
});
