import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { QmpClient } from '@tidemark/qmp';
import { expect, it } from 'vitest';
import { startDaemon } from '../../../tools/programs.ts';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { bitmapsOf, guestWrite } from './support/serving.ts';

const SIZE = 16 * 1024 * 1024;
const NODES = ['a', 'b'] as const;
/** Calls by which a transaction reaches the disk. They are counted by each thread for itself. */
const CALLS = 'pwrite64,fdatasync,fsync,rename';

describeWithQemu('a transaction over two --blockdev nodes', ['strace'], () => {
  const root = tempDir();

  /** Kills the daemon at its nth call. Returns what the drives have then; undefined: it was done before. */
  async function cutAt(nth: number) {
    const dir = join(root, String(nth));
    const checkpoints = join(dir, 'checkpoints');
    mkdirSync(checkpoints, { recursive: true });
    const pathOf = (node: string) => join(dir, `${node}.qcow2`);
    for (const node of NODES) {
      await (await createDrive(pathOf(node), { format: 'qcow2', size: SIZE })).device.close();
    }
    const daemon = await startDaemon(
      ...['--nbd-server', `addr.type=unix,addr.path=${dir}/nbd.sock`],
      ...NODES.flatMap((node) => {
        const file = { driver: 'file', filename: pathOf(node) };
        const blockdev = { driver: 'qcow2', 'node-name': node, file };
        const options = `type=nbd,id=${node},node-name=${node},name=${node},writable=on`;
        return ['--blockdev', JSON.stringify(blockdev), '--export', options];
      }),
      ...['--qmp', `unix:${dir}/qmp.sock`, '--checkpoints', checkpoints],
    );
    const ended = once(daemon.process, 'exit');
    const qmp = await QmpClient.connect(join(dir, 'qmp.sock'));
    for (const node of NODES) {
      await qmp.execute('block-dirty-bitmap-add', { node, name: 'n', persistent: true });
      await guestWrite(`nbd+unix:///${node}?socket=${dir}/nbd.sock`, 0, 1);
    }
    const inject = `inject=${CALLS}:signal=SIGKILL:when=${nth}`;
    const tracer = ['-f', '-o', '/dev/null', '-e', `trace=${CALLS}`, '-e', inject];
    const strace = spawn('strace', [...tracer, '-p', String(daemon.process.pid)]);
    // It may end before the daemon is known to have.
    const traced = once(strace, 'exit');
    await once(strace.stderr, 'data');
    const actions = NODES.map((node) => ({
      type: 'block-dirty-bitmap-clear' as const,
      data: { node, name: 'n' },
    }));
    const isDone = await qmp.execute('transaction', { actions }).then(
      () => true,
      () => false,
    );
    await qmp.close();
    if (isDone) daemon.process.kill('SIGKILL');
    await ended;
    await traced;
    const bitmaps = [];
    for (const node of NODES) {
      bitmaps.push((await bitmapsOf(pathOf(node), '--checkpoints', checkpoints))['n']!);
    }
    return { isDone, bitmaps };
  }

  it('that is cut off anywhere is made on both of them, or on none', async () => {
    const outcomes = new Set<string>();
    for (let nth = 1; ; nth++) {
      const { isDone, bitmaps } = await cutAt(nth);
      const states = bitmaps.map(({ state, checkpoint }) => ({ state, checkpoint }));
      expect(states[1], `cut at call ${nth}`).toEqual(states[0]);
      expect(states[0]!.state).toBe('stored');
      outcomes.add(states[0]!.checkpoint === undefined ? 'as before' : 'made');
      if (isDone) break;
    }
    expect([...outcomes].toSorted()).toEqual(['as before', 'made']);
  }, 300_000);
});
