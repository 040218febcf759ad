import { setTimeout } from 'node:timers/promises';
import type { TrackedDrive } from '@tidemark/tracking';
import type { BlockNode } from '../nodes/block-node.ts';
import type { NodeUser } from '../nodes/node-user.ts';
import type { BackupSync, ErrorAction } from './backup-options.ts';
import type { BackupBitmap } from './check-backup.ts';
import { CopyBeforeWrite } from './copy-before-write.ts';
import { topOf } from './top-layer.ts';
import { CopyError } from './copy-error.ts';
import type { JobControl, JobWork } from './job.ts';

/** Copies that are made at a time. */
const WORKERS = 4;
/** Bytes of one copy, at most. */
const CHUNK = 1024 * 1024;
/** Milliseconds, where errors are ignored. */
const RETRY_AFTER = 100;

export interface BackupWorkOptions {
  readonly source: BlockNode;
  readonly target: BlockNode;
  readonly drive: TrackedDrive;
  /** Bytes. */
  readonly cluster: number;
  readonly sync: BackupSync;
  readonly bitmap: BackupBitmap | undefined;
  readonly onSourceError: ErrorAction;
  readonly onTargetError: ErrorAction;
  /** Whether the target reads from the source what it has not got. */
  readonly isFleecing: boolean;
  /** Takes away what was made for the job alone. */
  readonly dispose: () => Promise<void>;
  readonly log: (message: string) => void;
}

/** The work of a backup job, from the instant that it copies. */
export class BackupWork implements JobWork {
  readonly copy: CopyBeforeWrite;
  /** Of the bitmap: its id, once it has begun. */
  freezeId: string | undefined;
  readonly #options: BackupWorkOptions;
  readonly #users: readonly (readonly [BlockNode, NodeUser])[];
  readonly #unwatch: () => void;
  readonly #broken = Promise.withResolvers<never>();

  constructor(options: BackupWorkOptions) {
    const { source, target, cluster, isFleecing } = options;
    this.#options = options;
    this.#broken.promise.catch(() => {});
    this.copy = new CopyBeforeWrite({
      source: source.device,
      target: target.device,
      targetReads: target.device.reads,
      cluster,
      onBroken: (error) => this.#broken.reject(error),
    });
    this.#users = [
      [source, { kind: 'job source', fixesSize: true }],
      [target, { kind: 'job target', fixesSize: true }],
    ];
    for (const [node, user] of this.#users) node.users.add(user);
    this.#unwatch = isFleecing ? target.device.reads.watch() : () => {};
  }

  get source(): string {
    return this.#options.source.name;
  }

  get progress(): { readonly current: number; readonly total: number } {
    const { copied, remaining } = this.copy;
    return { current: copied, total: copied + remaining };
  }

  async run(control: JobControl): Promise<void> {
    const { source, cluster, sync } = this.#options;
    if (sync === 'top') await this.copy.keepOnly(await topOf(source, cluster));
    if (sync === 'none') {
      return Promise.race([control.untilCancelled(), this.#broken.promise]);
    }
    const isDone = () => this.copy.remaining === 0;
    const worker = async (_: unknown, index: number) => {
      for (;;) {
        await control.point();
        // A limit is kept by one at a time.
        if (isDone() || (index > 0 && control.speed() > 0)) return;
        if (!(await this.#step(control))) return;
      }
    };
    await Promise.race([
      Promise.all(Array.from({ length: WORKERS }, worker)),
      this.#broken.promise,
    ]);
    // What a guest's write copies is not a worker's.
    await this.copy.idle();
  }

  async prepare(): Promise<void> {
    // A bitmap that is cleared before would promise what a power cut takes away.
    await this.#options.target.device.flush();
  }

  async commit(): Promise<void> {
    await this.copy.idle();
    const { bitmap, drive } = this.#options;
    const id = this.freezeId;
    if (bitmap === undefined || id === undefined) return;
    const { name, mode } = bitmap;
    try {
      await drive.release({ name, id, clear: mode !== 'never' });
    } catch (error) {
      // It calls dirty what it did and what was written since: nothing is lost but time.
      await this.#unite(name, id);
      throw error;
    }
  }

  async abort(): Promise<void> {
    this.copy.end();
    await this.copy.idle();
    const { bitmap, drive, target, log } = this.#options;
    const id = this.freezeId;
    if (bitmap === undefined || id === undefined) return;
    const { name, mode } = bitmap;
    if (mode !== 'always') return this.#unite(name, id);
    try {
      await target.device.flush();
      const { granularity } = (await drive.list()).find((info) => info.name === name)!;
      await drive.release({ name, id, clear: true, uncopied: this.copy.uncopied(granularity) });
    } catch (error) {
      log(`bitmap '${name}' keeps all that was dirty: ${String(error)}`);
      await this.#unite(name, id);
    }
  }

  async clean(): Promise<void> {
    this.copy.end();
    await this.copy.idle();
    const { source, dispose, log } = this.#options;
    source.device.removeFilter(this.copy);
    this.#unwatch();
    for (const [node, user] of this.#users) node.users.delete(user);
    await dispose().catch((error: unknown) => log(`a target did not close well: ${String(error)}`));
  }

  async #unite(name: string, id: string): Promise<void> {
    const { drive, log } = this.#options;
    // It is gone only where the drive was lost with it.
    await drive
      .release({ name, id, clear: false })
      .catch((error: unknown) => log(`bitmap '${name}' stays frozen: ${String(error)}`));
  }

  /** @returns whether there may be more to do */
  async #step(control: JobControl): Promise<boolean> {
    const limit = control.speed() === 0 ? CHUNK : this.#options.cluster;
    let bytes: number | undefined;
    try {
      bytes = await this.copy.copyNext(limit);
    } catch (error) {
      return this.#handle(CopyError.from(error), control);
    }
    // Others are at the rest; where one of them fails, it is its affair.
    if (bytes === undefined) return false;
    await control.throttle(bytes);
    return true;
  }

  async #handle(error: CopyError, control: JobControl): Promise<boolean> {
    const { onSourceError, onTargetError } = this.#options;
    const { operation, isFull } = error;
    const action = actionOn(operation === 'read' ? onSourceError : onTargetError, isFull);
    control.failed({ operation, action, isFull });
    if (action === 'report') throw error;
    if (action === 'ignore') await setTimeout(RETRY_AFTER);
    return true;
  }
}

function actionOn(wanted: ErrorAction, isFull: boolean): 'report' | 'ignore' | 'stop' {
  if (wanted === 'auto' || wanted === 'enospc') return isFull ? 'stop' : 'report';
  return wanted;
}
