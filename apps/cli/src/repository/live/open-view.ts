import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import { connectNbd, type NbdDevice } from '@tidemark/nbd';
import { type QmpControl, QmpError } from '@tidemark/qmp';
import type { DriveToBackUp, EarlierTry, Resumable } from '@tidemark/repository';
import { notice } from '../../output.ts';
import { contextOf, readBitmap } from '../context-bitmap.ts';
import type { LivePlan } from './plan-live.ts';

export interface OpenViewOptions {
  readonly control: QmpControl;
  readonly plans: readonly LivePlan[];
  readonly differential: boolean;
  /** Folder, where the daemon is. */
  readonly scratch: string | undefined;
}

/** Live drives as they were in one instant. It ends with the connection, as if it had never been. */
export class LiveView {
  readonly #control: QmpControl;
  readonly #id: string;
  readonly #devices: NbdDevice[] = [];
  readonly #removed = new Set<string>();
  readonly #uri: (node: string) => string;

  private constructor(
    control: QmpControl,
    { id, socket }: { readonly id: string; readonly socket: string },
  ) {
    this.#control = control;
    this.#id = id;
    this.#uri = (node) =>
      `nbd+unix:///${encodeURIComponent(node)}?socket=${encodeURIComponent(socket)}`;
  }

  /** @throws USAGE: the server has no views; QmpError: what it refuses */
  static async open(options: OpenViewOptions): Promise<LiveView> {
    const { control, plans, scratch } = options;
    const drives = plans.map((plan) => ({
      node: plan.node,
      ...(plan.hasBits && { bitmap: plan.bitmap!.name }),
      // One that goes when another one begins is not changed itself.
      'read-bitmap': plan.begin !== undefined || options.differential,
      ...(plan.begin && { begin: plan.begin }),
      ...(plan.tries.length > 0 && { show: plan.tries.map(({ name }) => name) }),
      ...(plan.onlyDirty !== undefined && { 'only-dirty': plan.onlyDirty }),
    }));
    try {
      const args = { drives, ...(scratch !== undefined && { scratch }) };
      return new LiveView(control, await control.call('x-tidemark-view-open', args));
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      if (error.message.startsWith("Can't store persistent bitmaps")) throw hasNoStore(error);
      if (error.class !== 'CommandNotFound') throw error;
      const text = 'the server is no tidemarkd, and has no view of a drive that stands still';
      const hint = 'serve the drive by tidemarkd';
      throw new TidemarkError('USAGE', text, { hint }, error);
    }
  }

  /** A drive, to be read until the view ends. */
  async read(plan: LivePlan): Promise<DriveToBackUp> {
    const { node, identity: drive, bitmap, hasBits } = plan;
    const shown = [...(hasBits ? [bitmap!.name] : []), ...plan.tries.map(({ name }) => name)];
    const contexts = shown.map((name) => contextOf(name));
    const source = await connectNbd(this.#uri(node), { contexts });
    this.#devices.push(source);
    if (bitmap === undefined) return { source, drive };
    const { granularity } = bitmap.content;
    const content = hasBits
      ? await readBitmap(source, bitmap.name, granularity)
      : new DirtyBitmap(source.size, granularity);
    const begin = plan.begin;
    const successor = begin && { nameAt: () => begin.name, granularity: begin.granularity };
    const followed = { ...bitmap, content, successor, onDurable: async () => {} };
    if (begin === undefined) return { source, drive, bitmap: followed };
    return {
      source,
      drive,
      bitmap: followed,
      resumable: await this.#resume(plan, source, begin.granularity),
    };
  }

  /**
   * The bitmap that begins with the view is durable, and so is what the drive held then. It has to outlive
   * the view from the first record on, in place of those that nobody needs any more.
   */
  async #resume(
    { node, tries }: LivePlan,
    source: NbdDevice,
    granularity: number,
  ): Promise<Resumable> {
    const earlier: EarlierTry[] = [];
    for (const { name, checkpoint } of tries) {
      // One that does not record any more is not shown. What is dirty in part is dirty.
      if (!source.contexts.includes(contextOf(name))) continue;
      earlier.push({ checkpoint, changed: await readBitmap(source, name, granularity) });
    }
    const begin = async (_: string, reliedOn: string | undefined) => {
      await this.#control.call('x-tidemark-view-hold', { id: this.#id });
      const names = tries.filter(({ checkpoint }) => checkpoint !== reliedOn);
      await this.remove(names.map(({ name }) => ({ node, name })));
    };
    return { begin, earlier };
  }

  /** Bitmaps, if they are there. One that stays costs a little, and the next backup tries again. */
  async remove(bitmaps: readonly NamedBitmap[]): Promise<void> {
    const left = bitmaps.filter((each) => !this.#removed.has(keyOf(each)));
    if (left.length === 0) return;
    try {
      await this.#removeAll(left).catch(async (error: unknown) => {
        // A backup that was killed takes those back that began with it, perhaps just now.
        const there = await this.#whichAreThere(left);
        if (there.length === left.length) throw error;
        await this.#removeAll(there);
      });
      for (const each of left) this.#removed.add(keyOf(each));
    } catch (error) {
      notice(`bitmaps of older restore points stay: ${String(error)}`);
    }
  }

  async #whichAreThere(bitmaps: readonly NamedBitmap[]): Promise<readonly NamedBitmap[]> {
    const nodes = await this.#control.call('query-named-block-nodes');
    const there = new Set(
      nodes.flatMap((node) =>
        node['dirty-bitmaps'].map(({ name = '' }) => keyOf({ node: node['node-name'], name })),
      ),
    );
    return bitmaps.filter((each) => there.has(keyOf(each)));
  }

  /** All of them or none. @throws QmpError */
  async #removeAll(bitmaps: readonly NamedBitmap[]): Promise<void> {
    if (bitmaps.length === 0) return;
    const actions = bitmaps.map((data) => ({ type: 'block-dirty-bitmap-remove', data }) as const);
    await this.#control.call('transaction', { actions });
  }

  /** Ends it; see the command of the daemon. @throws QmpError, CONNECTION_LOST */
  async end(end: { readonly keep: boolean; readonly checkpoint?: string }): Promise<void> {
    // Before the server hangs up on them.
    for (const device of this.#devices.splice(0)) await device.close().catch(() => {});
    await this.#control.call('x-tidemark-view-close', { id: this.#id, ...end });
  }
}

interface NamedBitmap {
  readonly node: string;
  readonly name: string;
}

const keyOf = ({ node, name }: NamedBitmap): string => `${node}/${name}`;

/** A raw drive that was served without a sidecar. */
function hasNoStore(error: QmpError): TidemarkError {
  const hint =
    'serve it with a sidecar (-dirty-bitmap name=NAME,drive=ID,create=on), or back it up with --no-bitmaps';
  return new TidemarkError('BITMAP_UNSUPPORTED', error.message, { hint }, error);
}
