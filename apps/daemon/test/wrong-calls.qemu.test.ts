import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonObject, type QmpClient, QmpError } from '@tidemark/qmp';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { type DaemonName, DAEMONS, startEither } from './support/either-daemon.ts';
import { wrongCalls } from './support/wrong-calls.ts';

/** The same flags for both. */
const FLAGS = [
  ...['--blockdev', 'driver=file,node-name=qf,filename=q.qcow2'],
  ...['--blockdev', 'qcow2,node-name=q,file=qf,cache.direct=off'],
  ...['--blockdev', 'driver=raw,node-name=r,file.driver=file,file.filename=r.raw'],
  ...['--blockdev', '{"driver":"null-co","node-name":"n","size":1048576,"read-zeroes":true}'],
  ...['--blockdev', 'driver=qcow2,node-name=t,file.driver=file,file.filename=t.qcow2'],
  ...['--blockdev', 'driver=null-co,node-name=ro,size=2097152,read-only=on,read-zeroes=on'],
  ...['--nbd-server', 'addr.type=unix,addr.path=nbd.sock'],
  ...['--export', 'type=nbd,id=eq,node-name=q,name=q,writable=on,bitmaps.0=busy'],
];

/** What must not change: nodes and bitmaps, exports and jobs. */
async function stateOf(qmp: QmpClient): Promise<unknown> {
  const nodes = (await qmp.execute('query-named-block-nodes')) as readonly JsonObject[];
  const named = nodes.map((node) => [node['node-name'], node['ro'], node['dirty-bitmaps']]);
  return [named, await qmp.execute('query-block-exports'), await qmp.execute('query-jobs')];
}

async function answers(daemon: DaemonName, dir: string): Promise<readonly string[]> {
  for (const name of ['q', 't']) {
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', join(dir, `${name}.qcow2`), '2M');
  }
  for (const name of ['busy', 'idle']) {
    await run('qemu-img', 'bitmap', '--add', join(dir, 'q.qcow2'), name);
  }
  for (const name of ['r.raw', 'spare.raw']) writeFileSync(join(dir, name), Buffer.alloc(2 ** 20));
  const { qmp, ended } = await startEither(daemon, dir, ...FLAGS);
  const before = await stateOf(qmp);
  const told: string[] = [];
  for (const [command, args] of wrongCalls) {
    const answer = await qmp.execute(command, args as JsonObject).catch((error: unknown) => error);
    const text = answer instanceof QmpError ? `${answer.class}: ${answer.message}` : 'taken';
    told.push(`${command} ${JSON.stringify(args)}: ${text.replaceAll(dir, 'DIR')}`);
  }
  expect(await stateOf(qmp)).toEqual(before);
  await qmp.execute('quit');
  expect(await ended).toBe(0);
  return told;
}

describeWithQemu('wrong calls', ['qemu-storage-daemon', 'qemu-img'], () => {
  const root = tempDir();

  it('are answered as by qemu-storage-daemon, and change nothing', async () => {
    const told: Record<string, readonly string[]> = {};
    for (const name of Object.keys(DAEMONS) as DaemonName[]) {
      mkdirSync(join(root, name));
      told[name] = await answers(name, join(root, name));
    }
    expect(told['tidemarkd']).toEqual(told['qemu-storage-daemon']);
    expect(told['tidemarkd']!.filter((line) => line.endsWith(': taken'))).toEqual([]);
    expect(told['tidemarkd']!.length).toBeGreaterThan(250);
  }, 300_000);
});
