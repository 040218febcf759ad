import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { connectNbd, type NbdDevice } from '@tidemark/nbd';
import { afterEach, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../../../tools/programs.ts';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { dirtyByQemu, dirtyOf } from './support/qemu-view.ts';

const MIB = 2 ** 20;
const SIZE = 16 * MIB;
const GRANULE = 65_536;

describeWithQemu('tidemarkd in front of another server', ['qemu-nbd', 'nbdkit', 'nbdinfo'], () => {
  const dir = tempDir();
  const at = (name: string) => join(dir, name);
  const behind = at('behind.sock');
  let server: ChildProcess | undefined;
  let daemon: Daemon | undefined;

  const COMMANDS = {
    'qemu-nbd': ['qemu-nbd', '-t', '-e', '0', '-f', 'raw', '-k', behind, at('disk.raw')],
    nbdkit: ['nbdkit', '-f', '-U', behind, 'file', at('disk.raw')],
  };

  /** A client of an export, as soon as somebody listens. */
  async function client(uri: string): Promise<NbdDevice> {
    for (;;) {
      try {
        return await connectNbd(uri);
      } catch {
        await setTimeout(10);
      }
    }
  }

  async function start([program = '', ...words]: readonly string[]): Promise<void> {
    rmSync(behind, { force: true });
    server = spawn(program, words, { stdio: 'ignore' });
    while (!existsSync(behind) && server.exitCode === null) await setTimeout(10);
    const device = await client(`nbd+unix:///?socket=${behind}`);
    await device.close();
  }

  async function kill(): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  }

  afterEach(async () => {
    await daemon?.stop();
    await kill();
  });

  /** Granules in which the disk behind differs from zeros, as it was before. */
  async function changed(): Promise<readonly number[]> {
    const device = await client(`nbd+unix:///?socket=${behind}`);
    const content = Buffer.alloc(SIZE);
    await device.read(content, 0);
    await device.close();
    return Array.from({ length: SIZE / GRANULE }, (_, index) => index).filter((index) =>
      content.subarray(index * GRANULE, (index + 1) * GRANULE).some((byte) => byte !== 0),
    );
  }

  const granulesOf = (runs: readonly (readonly number[])[]) =>
    runs.flatMap(([offset, length]) =>
      Array.from({ length: length! / GRANULE }, (_, index) => offset! / GRANULE + index),
    );

  it.each(['qemu-nbd', 'nbdkit'] as const)(
    'records what is written, though %s is killed and comes back',
    async (program) => {
      writeFileSync(at('disk.raw'), '');
      truncateSync(at('disk.raw'), SIZE);
      await start(COMMANDS[program]);
      const sidecar = at(`${program}.qcow2`);
      const socket = at(`${program}.sock`);
      daemon = await startDaemon(
        ...['-drive', `file=nbd+unix:///?socket=${behind},id=vm`],
        ...['-dirty-bitmap', `name=b,file=${sidecar},create=on`],
        ...['--nbd-server', `addr.type=unix,addr.path=${socket}`],
      );
      const uri = `nbd+unix:///vm?socket=${socket}`;
      const guest = await client(uri);
      const writes: Promise<void>[] = [];
      for (let index = 0; index < 100; index++) {
        const at = ((index * 37) % 251) * GRANULE;
        writes.push(guest.write(Buffer.alloc(GRANULE + 512, index + 1), at));
        if (index % 40 !== 20) continue;
        await Promise.race(writes);
        await kill();
        await start(COMMANDS[program]);
      }
      await Promise.all(writes);
      await guest.flush();
      const dirty = granulesOf(await dirtyOf(uri, 'b'));
      await guest.close();
      expect(dirty).toEqual(await changed());
      expect(dirty.length).toBeGreaterThan(100);
      expect((await daemon.stop()).code).toBe(0);
      expect(granulesOf(await dirtyByQemu(sidecar, 'b'))).toEqual(dirty);
    },
  );
});
