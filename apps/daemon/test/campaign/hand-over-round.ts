import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CuttingProxy } from '../../../../packages/graph/test/support/cutting-proxy.ts';
import type { CampaignDrive } from './campaign-drive.ts';
import type { CutPoint } from './cut-point.ts';
import { writeAllOver } from './guest.ts';
import { eitherOf, Side } from './hand-over-pair.ts';
import type { Epoch } from './shadow.ts';

const NODE = 'vm';
const GRANULARITY = 4096;
/** Seconds for an answer. One that is cut off may end by it, in whatever way. */
const TIMEOUT = { whole: 30, cutOff: 2 };
/** Milliseconds that a guest tries for. */
const RECONNECT = 30_000;

/** How the source was given the drive: `-drive`, or `--blockdev`. */
export type Form = 'short' | 'long';

export type Owner = 'source' | 'target' | 'nobody';

export interface Round {
  /** Who had the drive when all was over. */
  readonly owner: Owner;
  readonly problems: readonly string[];
}

/** One hand-over under load, which may be cut off. */
export class HandOverRound {
  readonly #drive: CampaignDrive;
  readonly #dir: string;
  readonly #source: Side;
  readonly #target: Side;
  readonly #problems: string[] = [];
  readonly #epochs = new Map<string, readonly Epoch[]>();

  private constructor(drive: CampaignDrive, dir: string, source: Side, target: Side) {
    this.#drive = drive;
    this.#dir = dir;
    this.#source = source;
    this.#target = target;
  }

  static async start(drive: CampaignDrive, dir: string, form: Form): Promise<HandOverRound> {
    const source = await Side.start(dir, 'source', ...optionsOf(drive, form));
    return new HandOverRound(drive, dir, source, await Side.start(dir, 'target'));
  }

  async run(point: CutPoint | undefined): Promise<Round> {
    const service = join(this.#dir, 'service.nbd');
    const router = await eitherOf(service, [this.#source.nbd, this.#target.nbd]);
    const stop = new AbortController();
    const gone = new AbortController();
    const { shadow } = this.#drive;
    const uri = `nbd+unix:///${NODE}?socket=${service}`;
    try {
      await this.#beginBitmaps();
      const writing = writeAllOver(uri, shadow, stop.signal, {
        reconnect: RECONNECT,
        gone: gone.signal,
      });
      await setTimeout(60);
      await this.#clearBitmaps();
      await setTimeout(60);
      await this.#handOver(point);
      const owner = await this.#findOwner();
      // Whoever is there is written to.
      await setTimeout(owner === 'nobody' ? 0 : 150);
      stop.abort();
      if (owner === 'nobody') gone.abort();
      this.#drive.writes += await writing;
      if (owner !== 'nobody') await this.#keepMemory(owner);
      await this.#endAll();
      this.#problems.push(...(await this.#judge(owner)));
      return { owner, problems: this.#problems };
    } finally {
      router.close();
      for (const side of [this.#source, this.#target]) if (side.isAlive) await side.kill();
    }
  }

  async #beginBitmaps(): Promise<void> {
    const { qmp } = this.#source;
    const nodes = await qmp.execute('query-named-block-nodes');
    const bitmaps = (nodes as { 'node-name': string; 'dirty-bitmaps'?: { name: string }[] }[])
      .filter((node) => node['node-name'] === NODE)
      .flatMap((node) => node['dirty-bitmaps'] ?? []);
    const has = (name: string) => bitmaps.some((bitmap) => bitmap.name === name);
    const remove = { node: NODE, name: 'copy' };
    if (has('copy')) await qmp.execute('block-dirty-bitmap-remove', remove);
    for (const name of ['nightly', 'memory']) {
      if (has(name)) continue;
      const persistent = name === 'nightly';
      const added = { node: NODE, name, persistent, granularity: GRANULARITY };
      await qmp.execute('block-dirty-bitmap-add', added);
    }
  }

  async #clearBitmaps(): Promise<void> {
    const { shadow } = this.#drive;
    const { end } = shadow.begin();
    const clear = (name: string) => ({
      type: 'block-dirty-bitmap-clear',
      data: { node: NODE, name },
    });
    const actions = [clear('nightly'), clear('memory')];
    await this.#source.qmp.execute('transaction', { actions });
    const epoch = end();
    this.#epochs.set('nightly', [epoch]).set('copy', [epoch]);
  }

  async #handOver(point: CutPoint | undefined): Promise<void> {
    const [listening, between] = [join(this.#dir, 'target.ho'), join(this.#dir, 'between.ho')];
    const { format, path } = this.#drive;
    const file = { driver: 'file', filename: path };
    const node = { driver: format, 'node-name': NODE, discard: 'unmap', file };
    const addr = { type: 'unix', path: listening };
    await this.#target.qmp.execute('x-tidemark-handover-expect', { node, addr });
    await using proxy = await CuttingProxy.start(between, listening);
    let casualty: Promise<void> | undefined;
    proxy.onMessage = (type) => {
      if (type !== point?.message) return true;
      casualty = setTimeout(point.delay).then(() => this.#harm(point, proxy));
      return point.isPassed;
    };
    const to = { type: 'unix', path: between };
    const given = { node: NODE, to, timeout: TIMEOUT[point === undefined ? 'whole' : 'cutOff'] };
    const failure = await this.#source.qmp
      .execute('x-tidemark-handover-start', given)
      .then(() => undefined, String);
    await casualty;
    if (point === undefined && failure !== undefined) this.#problems.push(failure);
  }

  async #harm({ casualty }: CutPoint, proxy: CuttingProxy): Promise<void> {
    if (casualty === 'connection') proxy.cut();
    if (casualty === 'source' || casualty === 'both') await this.#source.kill();
    if (casualty === 'target' || casualty === 'both') await this.#target.kill();
  }

  async #findOwner(): Promise<Owner> {
    // A target that has been told to take the drive may still be at it.
    for (let tries = 0; tries < 200; tries++) {
      const owners: Owner[] = [];
      if (await this.#source.owns(NODE)) owners.push('source');
      if (await this.#target.owns(NODE)) owners.push('target');
      if (owners.length > 1) this.#problems.push('both have the drive');
      if (owners[0] !== undefined) return owners[0];
      if (!(await this.#isUnderWay())) break;
      await setTimeout(50);
    }
    // A target that has the drive, and the source's word, may die with it.
    if ((await this.#statusOf(this.#source)) !== 'stopped') {
      if (this.#source.isAlive && this.#target.isAlive) this.#problems.push('neither has it');
      return 'nobody';
    }
    // Stopped: the target has died since with the drive.
    const resume = await this.#source.qmp
      .execute('x-tidemark-handover-resume', { node: NODE })
      .then(() => undefined, String);
    if (resume === undefined) return 'source';
    this.#problems.push(`the source cannot go on: ${resume}`);
    return 'nobody';
  }

  async #isUnderWay(): Promise<boolean> {
    return (await this.#statusOf(this.#target)) === 'negotiating';
  }

  async #statusOf({ isAlive, qmp }: Side): Promise<string | undefined> {
    if (!isAlive) return undefined;
    const known = await qmp.execute('x-tidemark-query-handovers');
    return (known as { status: string }[]).at(-1)?.status;
  }

  /** What is in memory of who has the drive, into a bitmap that is kept. */
  async #keepMemory(owner: 'source' | 'target'): Promise<void> {
    const { qmp } = owner === 'source' ? this.#source : this.#target;
    const add = { node: NODE, name: 'copy', persistent: true, disabled: true };
    const actions = [
      { type: 'block-dirty-bitmap-add', data: { ...add, granularity: GRANULARITY } },
      {
        type: 'block-dirty-bitmap-merge',
        data: { node: NODE, target: 'copy', bitmaps: ['memory'] },
      },
    ];
    const failure = await qmp.execute('transaction', { actions }).then(() => undefined, String);
    if (failure === undefined) return;
    this.#epochs.delete('copy');
    // It ends with the process that went on with it, and is never taken from elsewhere then.
    const mayBeLost = owner === 'source' && !this.#target.isAlive;
    if (!mayBeLost) this.#problems.push(`the bitmap in memory is lost: ${failure}`);
  }

  async #endAll(): Promise<void> {
    for (const side of [this.#source, this.#target]) {
      const problem = await side.end();
      if (problem !== undefined) this.#problems.push(problem);
    }
  }

  async #judge(owner: Owner): Promise<readonly string[]> {
    const { admin } = this.#drive;
    admin.epochs.clear();
    for (const [name, epochs] of this.#epochs) {
      if (name !== 'copy' || owner !== 'nobody') admin.epochs.set(name, epochs);
    }
    return this.#drive.check({ asksQemu: true });
  }
}

function optionsOf({ format, path }: CampaignDrive, form: Form): readonly string[] {
  if (form === 'short') return ['-drive', `file=${path},format=${format},id=${NODE}`];
  const tree = `driver=${format},node-name=${NODE},discard=unmap`;
  return [
    ...['--blockdev', `${tree},file.driver=file,file.filename=${path}`],
    ...['--export', `type=nbd,id=${NODE},node-name=${NODE},writable=on`],
  ];
}
