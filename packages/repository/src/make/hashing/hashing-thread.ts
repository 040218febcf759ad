import { Worker } from 'node:worker_threads';
import { hashOffers, type SharedOffers } from './shared-offers.ts';

const TEXT = `
const { hash } = process.getBuiltinModule('node:crypto');
const { workerData } = process.getBuiltinModule('node:worker_threads');
const digest = (content) => hash('sha256', content, 'buffer');
for (const made of (${hashOffers.toString()})(workerData, digest)) {
  if (made !== undefined) Atomics.wait(workerData.made, 0, made);
}`;

/** Hashes offers, by SHA-256. Whatever becomes of it: nobody relies on it. */
export class HashingThread {
  readonly #worker: Worker | undefined;

  constructor(shared: SharedOffers) {
    try {
      this.#worker = new Worker(TEXT, { eval: true, workerData: shared, execArgv: [], env: {} });
    } catch {
      // Threads are forbidden here.
      return;
    }
    this.#worker.on('error', () => {});
    this.#worker.unref();
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }
}
