import { TidemarkError } from '@tidemark/core';
import { FakeBlockLayer } from './fake-block-layer.ts';
import type {
  QmpAction,
  QmpBitmap,
  QmpEvent,
  QmpExpected,
  QmpGiven,
  QmpHandOvers,
  QmpNode,
  QmpRelease,
  QmpRescanRequest,
  QmpRescans,
  QmpTarget,
  QmpView,
  QmpViews,
} from '../src/index.ts';

/** Nodes with bitmaps by name; enough of a drive to see what a server asks for, and in which order. */
export class FakeTarget implements QmpTarget {
  readonly transactions: (readonly QmpAction[])[] = [];
  readonly bitmaps = new Map<string, Map<string, QmpBitmap>>();
  readonly rescanned: QmpRescanRequest[] = [];
  readonly rescans: QmpRescans = {
    begin: async (request) => void this.rescanned.push(request),
    list: () =>
      this.rescanned.map(({ node, name, directory, point = '000001-full' }) => {
        const progress = { done: 10, total: 40, clean: 4, dirty: 6, known: 1 };
        return { node, name, directory, point, status: 'running', ...progress };
      }),
    cancel: ({ name }) => {
      if (!this.rescanned.some((each) => each.name === name)) throw notFound(name);
    },
  };
  /** Views that are open, with their clients. */
  readonly opened = new Map<string, { readonly view: QmpView; readonly client: object }>();
  /** How views ended. */
  readonly ends: unknown[] = [];
  readonly views: QmpViews = {
    open: async (view, client) => {
      const id = `view ${this.opened.size}`;
      this.opened.set(id, { view, client });
      return { id, socket: '/run/view' };
    },
    hold: async (id) => void this.ends.push({ id, held: true }),
    close: async (id, end) => {
      this.opened.delete(id);
      this.ends.push({ id, ...end });
    },
    abandon: async (client) => {
      for (const [id, known] of this.opened) {
        if (known.client === client) await this.views.close(id, { keep: false });
      }
    },
  };
  readonly expected: QmpExpected[] = [];
  readonly given: QmpGiven[] = [];
  readonly handOvers: QmpHandOvers = {
    expect: async (expected) => {
      this.expected.push(expected);
      return expected.address;
    },
    give: async (given) => void this.given.push(given),
    cancel: async (node) => void this.expected.splice(Number(node), 1),
    resume: async () => {},
    list: () => this.given.map(({ node }) => ({ node, role: 'source', status: 'completed' })),
  };
  readonly block = new FakeBlockLayer();
  readonly listeners = new Set<(event: QmpEvent) => void>();
  readonly released: (QmpRelease & { node: string })[] = [];
  /** Bytes, by the node. */
  readonly sizes = new Map<string, number>();
  driver = 'raw';
  readOnly = false;
  quits = 0;
  /** Why writes wait. */
  trouble: { readonly reason: string; readonly isFull: boolean } | undefined;
  /** Runs inside every transaction. */
  during: () => Promise<void> = async () => {};

  constructor(...names: readonly string[]) {
    for (const name of names) this.bitmaps.set(name, new Map());
  }

  nodes(): ReadonlyMap<string, QmpNode> {
    return new Map([...this.bitmaps.keys()].map((name) => [name, this.#node(name)]));
  }

  async transaction(actions: readonly QmpAction[]): Promise<void> {
    this.transactions.push(actions);
    await this.during();
    for (const action of actions) this.#apply(action);
  }

  listen(listener: (event: QmpEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  quit(): void {
    this.quits++;
  }

  #apply(action: QmpAction): void {
    if (action.op === 'abort') throw action.error;
    if (action.op === 'backup' || action.op === 'drive-backup') return;
    const bitmaps = this.bitmaps.get(action.node)!;
    if (action.op === 'add') {
      const { name, granularity = 65536, persistent, disabled } = action;
      if (name === '') throw new TidemarkError('BITMAP_INVALID', 'Bitmap name cannot be empty');
      if (bitmaps.has(name)) {
        throw new TidemarkError('BITMAP_EXISTS', `Bitmap already exists: ${name}`);
      }
      const flags = { persistent, recording: !disabled, busy: false, inconsistent: false };
      bitmaps.set(name, { name, granularity, ...flags, count: 0 });
      return;
    }
    const name = action.op === 'merge' ? action.target : action.name;
    if (!bitmaps.has(name)) throw notFound(name);
    if (action.op === 'remove') bitmaps.delete(name);
  }

  #node(name: string): QmpNode {
    const bitmaps = this.bitmaps.get(name)!;
    return {
      name,
      blockInfo: async () => ({
        driver: this.driver,
        file: `${name}.raw`,
        readOnly: this.readOnly,
        virtualSize: this.sizes.get(name) ?? 1_048_576,
        ...(this.trouble && { trouble: this.trouble }),
      }),
      counts: () => {
        const none = { requests: 0, bytes: 0, errors: 0 };
        return { read: none, write: none, flush: none, unmap: none };
      },
      freeze: async (bitmap) => {
        if (!bitmaps.has(bitmap)) throw notFound(bitmap);
        return `freeze of ${bitmap}`;
      },
      release: async (request) => void this.released.push({ node: name, ...request }),
      exportBitmaps: async (names) => {
        const missing = names.find((each) => !bitmaps.has(each));
        if (missing !== undefined) throw notFound(missing);
      },
      resize: async (size) => void this.sizes.set(name, size),
      bitmaps: async () => [...bitmaps.values()].toReversed(),
      sha256: async (bitmap) => {
        if (!bitmaps.has(bitmap)) throw notFound(bitmap);
        return 'af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc';
      },
    };
  }
}

function notFound(name: string): TidemarkError {
  return new TidemarkError('BITMAP_NOT_FOUND', `Dirty bitmap '${name}' not found`);
}
