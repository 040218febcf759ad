import { JobCancelled } from './job-cancelled.ts';
import type { Job } from './job.ts';

export interface JobGroupOptions {
  /** Called when a job is over and nobody has to see it any more. */
  readonly forget: (job: Job) => void;
  /** Hears why a job failed. */
  readonly log: (message: string) => void;
}

/**
 * Jobs of which all succeed or none does: a single one, or those of a transaction that groups its
 * actions. None is final before all have done their work; where one fails, the others are cancelled.
 */
export class JobGroup {
  readonly jobs: readonly Job[];
  readonly #options: JobGroupOptions;
  readonly #runs = new Map<Job, Promise<void>>();
  #ending: Promise<void> | undefined;

  constructor(jobs: readonly Job[], options: JobGroupOptions) {
    this.jobs = jobs;
    this.#options = options;
  }

  /** Resolves when all are concluded. */
  get ended(): Promise<void> | undefined {
    return this.#ending;
  }

  start(): void {
    for (const job of this.jobs) {
      job.become('running');
      this.#runs.set(job, this.#run(job));
    }
  }

  /** All of them end without success. */
  cancel(job: Job): void {
    job.isCancelled = true;
    this.#abort();
  }

  /** What waited for a word ends well. */
  finalize(): void {
    if (this.jobs.every(({ status }) => status === 'pending')) this.#ending ??= this.#complete();
  }

  async #run(job: Job): Promise<void> {
    try {
      await job.run();
      await job.work.prepare();
    } catch (error) {
      if (!(error instanceof JobCancelled)) this.#fail(job, error);
      else job.isCancelled = true;
      return this.#abort();
    }
    if (job.isCancelled || job.status === 'aborting') return;
    job.become('waiting');
    if (this.jobs.some(({ status }) => status !== 'waiting')) return;
    for (const each of this.jobs) {
      each.become('pending');
      if (!each.autoFinalize) each.tellPending();
    }
    if (this.jobs.every(({ autoFinalize }) => autoFinalize)) this.finalize();
  }

  #fail(job: Job, error: unknown): void {
    job.error = error instanceof Error ? error.message : String(error);
    this.#options.log(`job '${job.id}' failed: ${job.error}`);
  }

  #abort(): void {
    this.#ending ??= this.#abortAll();
  }

  async #abortAll(): Promise<void> {
    for (const job of this.jobs) {
      // The others end because this one does.
      if (job.error === undefined) job.isCancelled = true;
      job.become('aborting');
      job.interrupt();
    }
    await Promise.all(this.#runs.values());
    for (const job of this.jobs) {
      if (job.isCancelled) job.error = 'Operation canceled';
      await job.work.abort();
      await this.#conclude(job, job.isCancelled ? 'BLOCK_JOB_CANCELLED' : 'BLOCK_JOB_COMPLETED');
    }
  }

  async #complete(): Promise<void> {
    for (const job of this.jobs) {
      try {
        await job.work.commit();
      } catch (error) {
        this.#fail(job, error);
      }
      await this.#conclude(job, 'BLOCK_JOB_COMPLETED');
    }
  }

  async #conclude(job: Job, event: string): Promise<void> {
    await job.work.clean();
    job.tell(event);
    job.become('concluded');
    if (!job.autoDismiss) return;
    job.become('null');
    this.#options.forget(job);
  }
}
