import type { EmitEvent } from '../events.ts';
import { refusal } from '../errors.ts';
import { JobCancelled } from './job-cancelled.ts';
import { isAllowed, type JobStatus, type JobVerb } from './job-status.ts';
import { Throttle } from './throttle.ts';

/** What a job does, told when. */
export interface JobWork {
  /** Name of the node that it reads. */
  readonly source: string;
  /** Bytes. */
  readonly progress: { readonly current: number; readonly total: number };
  /** Until all is done. @throws JobCancelled from `control.point`, or what went wrong */
  run(control: JobControl): Promise<void>;
  /** Makes what was done durable. Nothing is final yet. */
  prepare(): Promise<void>;
  /** Makes it final. @throws: it is not, and `abort` is not called */
  commit(): Promise<void>;
  /** Takes back what can be. Does not throw. */
  abort(): Promise<void>;
  /** Lets go of all that it used. Does not throw. */
  clean(): Promise<void>;
}

/** What the work sees of its job. */
export interface JobControl {
  /** To be called between two steps: waits while the job is paused. @throws JobCancelled */
  point(): Promise<void>;
  /** Waits as the job's speed has it, after so many bytes. */
  throttle(bytes: number): Promise<void>;
  /** Bytes in a second, as it is now; 0: as many as there are. */
  speed(): number;
  /** For work that has no end of its own. @throws JobCancelled */
  untilCancelled(): Promise<never>;
  /** What went wrong in a step, and what becomes of the job. `stop` pauses it. */
  failed(problem: JobProblem): void;
}

export interface JobProblem {
  readonly operation: 'read' | 'write';
  readonly action: 'report' | 'ignore' | 'stop';
  readonly isFull: boolean;
}

export interface JobOptions {
  readonly id: string;
  readonly work: JobWork;
  /** Bytes in a second; 0: no limit. */
  readonly speed: number;
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
  readonly emit: EmitEvent;
}

/** Work that goes on after its command is answered: qapi JobInfo and BlockJobInfo. */
export class Job {
  readonly id: string;
  readonly type = 'backup';
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
  readonly work: JobWork;
  ioStatus: 'ok' | 'failed' | 'nospace' = 'ok';
  error: string | undefined;
  isCancelled = false;
  readonly #emit: EmitEvent;
  readonly #throttle: Throttle;
  #status: JobStatus = 'undefined';
  #resume: PromiseWithResolvers<void> | undefined;
  readonly #cancelled = Promise.withResolvers<never>();

  constructor({ id, work, speed, autoFinalize, autoDismiss, emit }: JobOptions) {
    this.id = id;
    this.work = work;
    this.autoFinalize = autoFinalize;
    this.autoDismiss = autoDismiss;
    this.#emit = emit;
    this.#throttle = new Throttle(speed);
    this.#cancelled.promise.catch(() => {});
  }

  get status(): JobStatus {
    return this.#status;
  }

  get isPaused(): boolean {
    return this.#resume !== undefined;
  }

  get speed(): number {
    return this.#throttle.speed;
  }

  become(status: JobStatus): void {
    this.#status = status;
    this.#emit({ name: 'JOB_STATUS_CHANGE', data: { status, id: this.id } });
  }

  /** An event of block jobs, with what all of them tell. */
  tell(name: string): void {
    const { id: device, speed, type, error } = this;
    const { total: len, current: offset } = this.work.progress;
    const isError = name === 'BLOCK_JOB_COMPLETED' && error !== undefined;
    const data = { device, len, offset, speed, type, ...(isError && { error }) };
    this.#emit({ name, data });
  }

  tellPending(): void {
    this.#emit({ name: 'BLOCK_JOB_PENDING', data: { type: this.type, id: this.id } });
  }

  /** @throws USAGE: not in this state */
  check(verb: JobVerb): void {
    if (isAllowed(verb, this.#status)) return;
    const text = `Job '${this.id}' in state '${this.#status}' cannot accept command verb '${verb}'`;
    throw refusal(text);
  }

  /** @throws USAGE */
  pause(): void {
    this.check('pause');
    if (this.isPaused) throw refusal('Job is already paused');
    this.#stop();
  }

  /** @throws USAGE */
  resume(): void {
    this.check('resume');
    const resume = this.#resume;
    if (resume === undefined) throw refusal("Can't resume a job that was not paused");
    this.#resume = undefined;
    this.ioStatus = 'ok';
    this.become('running');
    resume.resolve();
  }

  /** @throws USAGE */
  setSpeed(speed: number): void {
    this.check('set-speed');
    checkSpeed(speed);
    this.#throttle.setSpeed(speed);
  }

  /** Its work ends at the next point. */
  interrupt(): void {
    this.#throttle.end();
    this.#cancelled.reject(new JobCancelled());
    this.#resume?.resolve();
    this.#resume = undefined;
  }

  /** @throws JobCancelled, and what the work throws */
  async run(): Promise<void> {
    await this.work.run({
      point: () => this.#point(),
      throttle: (bytes) => this.#throttle.after(bytes),
      speed: () => this.speed,
      untilCancelled: () => this.#cancelled.promise,
      failed: (problem) => this.#fail(problem),
    });
    await this.#point();
  }

  #fail({ operation, action, isFull }: JobProblem): void {
    this.#emit({ name: 'BLOCK_JOB_ERROR', data: { device: this.id, operation, action } });
    if (action === 'ignore') return;
    this.ioStatus = isFull ? 'nospace' : 'failed';
    if (action === 'stop' && !this.isPaused && !this.isCancelled) this.#stop();
  }

  #stop(): void {
    this.#resume = Promise.withResolvers();
    this.become('paused');
  }

  async #point(): Promise<void> {
    while (this.#resume !== undefined) await this.#resume.promise;
    if (this.isCancelled || this.#status === 'aborting') throw new JobCancelled();
  }
}

/** @throws USAGE */
export function checkSpeed(speed: number): void {
  if (speed < 0) throw refusal("Parameter 'speed' expects a non-negative value");
}
