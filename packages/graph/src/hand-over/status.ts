import type { EmitEvent } from '../events.ts';

/**
 * - `expecting`: the target waits for a source.
 * - `negotiating`: both talk, and the source goes on with the drive.
 * - `paused`: the source has let go of the drive, or is about to; writes wait.
 * - `completed`: the target has the drive.
 * - `failed`: nothing came of it; the source has the drive.
 * - `stopped`: the source has not got the drive, nor a word that the target has.
 * - `cancelled`: the target waits no longer.
 */
type HandOverState =
  | 'expecting'
  | 'negotiating'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'stopped'
  | 'cancelled';

/** What is known of a node's last hand-over. */
export interface HandOverInfo {
  readonly node: string;
  readonly role: 'source' | 'target';
  readonly status: HandOverState;
  /** Why it failed or stopped, or what was lost with it. */
  readonly reason?: string;
}

const EVENTS: Partial<Record<HandOverState, string>> = {
  negotiating: 'HANDOVER_STARTED',
  paused: 'HANDOVER_PAUSED',
  completed: 'HANDOVER_COMPLETED',
  failed: 'HANDOVER_FAILED',
  stopped: 'HANDOVER_STOPPED',
};

/** Hand-overs by node, the last of each, and who is told of them. */
export class HandOverLog {
  readonly #known = new Map<string, HandOverInfo>();
  readonly #emit: EmitEvent;
  readonly #log: (message: string) => void;

  constructor(emit: EmitEvent, log: (message: string) => void) {
    this.#emit = emit;
    this.#log = log;
  }

  list(): readonly HandOverInfo[] {
    return [...this.#known.values()];
  }

  get(node: string): HandOverInfo | undefined {
    return this.#known.get(node);
  }

  forget(node: string): void {
    this.#known.delete(node);
  }

  tell(info: HandOverInfo): void {
    const { node, role, status, reason } = info;
    this.#known.set(node, info);
    const name = EVENTS[status];
    if (name === undefined) return;
    const why = reason === undefined ? '' : `: ${reason}`;
    this.#log(`hand-over of '${node}', as ${role}: ${status}${why}`);
    this.#emit({ name, data: { node, role, ...(reason !== undefined && { reason }) } });
  }
}
