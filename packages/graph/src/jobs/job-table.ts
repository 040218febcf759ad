import type { EmitEvent } from '../events.ts';
import { refusal } from '../errors.ts';
import { isId } from '../nodes/names.ts';
import { Job, type JobOptions } from './job.ts';
import { JobGroup } from './job-group.ts';

export interface JobTableOptions {
  readonly emit: EmitEvent;
  readonly log: (message: string) => void;
}

export type NewJob = Omit<JobOptions, 'emit'>;

/** The jobs by id, oldest first. */
export class JobTable {
  readonly #options: JobTableOptions;
  readonly #jobs = new Map<string, { readonly job: Job; readonly group: JobGroup }>();

  constructor(options: JobTableOptions) {
    this.#options = options;
  }

  /** Newest first, as QEMU answers. */
  list(): readonly Job[] {
    return Array.from(this.#jobs.values(), ({ job }) => job).toReversed();
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id)?.job;
  }

  /** @throws USAGE: not an id, or taken */
  checkId(id: string): void {
    if (!isId(id)) throw refusal(`Invalid job ID '${id}'`);
    if (this.#jobs.has(id)) throw refusal(`Job ID '${id}' already in use`);
  }

  /** Jobs of which all succeed or none does. They begin in `start`. */
  add(options: readonly NewJob[]): { readonly start: () => void } {
    const { emit, log } = this.#options;
    const jobs = options.map((each) => new Job({ ...each, emit }));
    const group = new JobGroup(jobs, { forget: (job) => this.#jobs.delete(job.id), log });
    for (const job of jobs) {
      this.#jobs.set(job.id, { job, group });
      job.become('created');
    }
    return { start: () => group.start() };
  }

  /** @throws USAGE: it is too late */
  cancel(job: Job): void {
    job.check('cancel');
    this.#groupOf(job).cancel(job);
  }

  /** @throws USAGE */
  finalize(job: Job): void {
    job.check('finalize');
    this.#groupOf(job).finalize();
  }

  /** @throws USAGE */
  dismiss(job: Job): void {
    job.check('dismiss');
    job.become('null');
    this.#jobs.delete(job.id);
  }

  /** Cancels all and waits for their ends. */
  async close(): Promise<void> {
    const groups = new Set(Array.from(this.#jobs.values(), ({ group }) => group));
    for (const group of groups) {
      if (group.ended === undefined) group.cancel(group.jobs[0]!);
      await group.ended;
    }
  }

  #groupOf({ id }: Job): JobGroup {
    return this.#jobs.get(id)!.group;
  }
}
