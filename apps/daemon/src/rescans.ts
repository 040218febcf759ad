import { isTidemarkError, TidemarkError } from '@tidemark/core';
import type { QmpRescan, QmpRescanRequest, QmpRescans } from '@tidemark/qmp';
import type { RunningRescan } from '@tidemark/tracking';
import type { RescannedDrive } from './rescan-source.ts';

interface KnownRescan {
  readonly request: QmpRescanRequest;
  readonly point: string;
  readonly running: RunningRescan;
  readonly controller: AbortController;
  status: QmpRescan['status'];
  error?: string;
}

/** Bitmaps that come back by the digests of a backup while their drives are served. */
export class Rescans implements QmpRescans {
  readonly #find: (node: string) => Promise<RescannedDrive>;
  readonly #log: (message: string) => void;
  /** By node and bitmap. */
  readonly #known = new Map<string, KnownRescan>();

  constructor(find: (node: string) => Promise<RescannedDrive>, log: (message: string) => void) {
    this.#find = find;
    this.#log = log;
  }

  async begin(request: QmpRescanRequest): Promise<void> {
    const served = await this.#find(request.node);
    const { findRescanSource } = await import('./rescan-source.ts');
    const source = await findRescanSource(served, request);
    const controller = new AbortController();
    const running = await served.tracked.beginRescan({
      name: request.name,
      source: source.digests,
      granularity: source.granularity,
      trusted: source.trusted,
      signal: controller.signal,
    });
    const { point, passedOver } = source;
    for (const { number, problem } of passedOver) {
      this.#log(`warning: restore point ${number} is passed over, it cannot be read: ${problem}`);
    }
    const known: KnownRescan = { request, point, running, controller, status: 'running' };
    this.#known.set(keyOf(request), known);
    const what =
      running.trusts === undefined
        ? 'the drive is compared with it'
        : `compared with it is what bitmap '${running.trusts}' calls dirty`;
    this.#log(`${nameOf(request)} begins at ${point}, and ${what}`);
    void this.#follow(known);
  }

  list(): readonly QmpRescan[] {
    return [...this.#known.values()].map(({ request, point, running, status, error }) => {
      const { node, name, directory } = request;
      const { trusts } = running;
      const about = { node, name, directory, point, status, ...running.progress };
      const told = trusts === undefined ? about : { ...about, trusts };
      return error === undefined ? told : { ...told, error };
    });
  }

  cancel(bitmap: { readonly node: string; readonly name: string }): void {
    const known = this.#known.get(keyOf(bitmap));
    if (known === undefined) {
      const text = `there is no rescan of bitmap '${bitmap.name}' of '${bitmap.node}'`;
      const hint = 'list the rescans to see which there are';
      throw new TidemarkError('BITMAP_NOT_FOUND', text, { bitmap: bitmap.name, hint });
    }
    known.controller.abort();
  }

  async #follow(known: KnownRescan): Promise<void> {
    const name = nameOf(known.request);
    try {
      const { clean, dirty } = await known.running.finished;
      known.status = 'completed';
      this.#log(`${name} is what differs from ${known.point}: ${dirty} bytes, and ${clean} do not`);
    } catch (error) {
      known.status = isTidemarkError(error, 'CANCELLED') ? 'cancelled' : 'failed';
      known.error = error instanceof Error ? error.message : String(error);
      this.#log(`warning: ${name} calls dirty what was not compared: ${known.error}`);
    }
  }
}

// A node's name is that of an option: it has no slash.
function keyOf({ node, name }: { readonly node: string; readonly name: string }): string {
  return `${node}/${name}`;
}

function nameOf({ node, name }: QmpRescanRequest): string {
  return `bitmap '${name}' of '${node}'`;
}
