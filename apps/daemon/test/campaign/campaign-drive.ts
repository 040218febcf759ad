import { readFileSync, rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isTidemarkError } from '@tidemark/core';
import { openDrive, openDriveBitmaps } from '@tidemark/drive';
import { tidemark } from '../../../../tools/programs.ts';
import { run, sh } from '../../../../tools/qemu.ts';
import { dirtyByQemu } from '../support/qemu-view.ts';
import { Admin, type Server } from './admin.ts';
import { stampsOf, writeAllOver } from './guest.ts';
import { type Epoch, mayHold, SECTOR, Shadow } from './shadow.ts';

export const KINDS = ['qcow2', 'plain', 'data-file'] as const;
export type Kind = (typeof KINDS)[number];

const NEVER = new AbortController().signal;

interface Found {
  readonly name: string;
  readonly state: string;
  readonly reason: string | undefined;
  /** Dirty runs: [offset, length] each. */
  readonly runs: readonly (readonly [number, number])[];
  isDirty(sector: number): boolean;
}

/** A drive of one kind over many crashes, and what is known of it. */
export class CampaignDrive {
  readonly kind: Kind;
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
  readonly admin: Admin;
  readonly shadow: Shadow;
  writes = 0;
  /** Bitmaps that were found and compared. */
  compared = 0;

  private constructor(kind: Kind, dir: string, size: number) {
    this.kind = kind;
    this.path = `${dir}/${kind}.img`;
    this.format = kind === 'qcow2' ? 'qcow2' : 'raw';
    this.shadow = new Shadow(size / SECTOR, { isVolatile: kind === 'qcow2' });
    this.admin = new Admin(this.shadow);
  }

  static async create(kind: Kind, dir: string, size: number): Promise<CampaignDrive> {
    const drive = new CampaignDrive(kind, dir, size);
    await run('qemu-img', 'create', '-q', '-f', drive.format, drive.path, String(size));
    if (kind !== 'qcow2') {
      const { code, stderr } = await tidemark(
        ...['sidecar', 'create', drive.path, '--format', 'raw', '--kind', kind],
      );
      if (code !== 0) throw new Error(stderr);
    }
    return drive;
  }

  get options(): readonly string[] {
    return ['-drive', `file=${this.path},format=${this.format},id=${this.kind}`];
  }

  /** Where its bitmaps are. */
  get image(): string {
    return this.kind === 'qcow2' ? this.path : `${this.path}.tidemark.qcow2`;
  }

  /** Writes and changes bitmaps until it is told to stop, or the server dies. */
  async work(server: Server, signal: AbortSignal = NEVER): Promise<void> {
    const writing = writeAllOver(server.uri, this.shadow, signal);
    const refusal = await this.admin.work(server, signal).catch((error: unknown) => error);
    this.writes += await writing;
    if (refusal !== undefined && !isTidemarkError(refusal, 'CONNECTION_LOST')) throw refusal;
  }

  /**
   * What the end of a session has left of it. `mayBeLost`: bitmaps need not be there, and sound.
   * @returns what is wrong
   */
  async check({ asksQemu = false, mayBeLost = false } = {}): Promise<readonly string[]> {
    this.admin.settle();
    // Opened first: a helper of the dead process may be at its last zeros, and holds the lock.
    const found = await this.#bitmaps();
    const content = await this.#content();
    const lost = this.shadow.found(content);
    const problems = lost.length > 0 ? [`sectors ${lost.slice(0, 5).join(' ')} were lost`] : [];
    for (const [name, epochs] of this.admin.epochs) {
      const bitmap = found.get(name);
      if (bitmap === undefined) {
        if (!mayBeLost && !this.admin.doubtful.has(name)) problems.push(`${name} is missing`);
      } else if (!mayBeLost || bitmap.state !== 'inconsistent') {
        problems.push(...this.#judge(bitmap, epochs, content));
      }
    }
    // QEMU stores each change of a transaction by itself.
    if (this.admin.tears(found) && !mayBeLost) problems.push('a transaction was made in part');
    const { code } = await sh('qemu-img', 'check', '-q', this.image);
    if (code !== 0 && code !== 3) problems.push(`qemu-img check: exit code ${code}`);
    if (asksQemu && this.kind === 'qcow2') problems.push(...(await this.#compareWithQemu(found)));
    this.#forget(found);
    return problems.map((problem) => `${this.kind}: ${problem}`);
  }

  #judge(bitmap: Found, epochs: readonly Epoch[], content: Uint32Array): readonly string[] {
    const { name, state, reason } = bitmap;
    // Who wrote last to data that anybody may write is not known after a crash.
    if (this.kind === 'data-file') {
      return state === 'inconsistent' ? [] : [`${name} is ${state}`];
    }
    if (state !== 'stored') return [`${name} is ${state}: ${reason}`];
    this.compared += 1;
    const stale = epochs.map((epoch) => staleOf(bitmap, epoch, content));
    return stale.some((count) => count === 0) ? [] : [`${name} is stale: ${stale.join(', ')}`];
  }

  /** Doubts are over, and bitmaps of no use are to go. */
  #forget(found: ReadonlyMap<string, Found>): void {
    const { admin } = this;
    for (const name of admin.epochs.keys()) {
      if (found.get(name)?.state !== 'stored') admin.epochs.delete(name);
    }
    admin.lost.clear();
    for (const { name, state } of found.values()) if (state !== 'stored') admin.lost.add(name);
    admin.doubtful.clear();
  }

  async #content(): Promise<Uint32Array> {
    if (this.format === 'raw') return stampsOf(readFileSync(this.path));
    const raw = `${this.path}.raw`;
    await run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', this.path, raw);
    const content = stampsOf(readFileSync(raw));
    rmSync(raw);
    return content;
  }

  async #bitmaps(): Promise<ReadonlyMap<string, Found>> {
    const drive = await unlocked(() =>
      openDrive(this.path, { access: 'read', format: this.format }),
    );
    const { store } = await openDriveBitmaps(drive);
    const found = new Map<string, Found>();
    for (const { name, state, reason } of await store!.list()) {
      const bits = state === 'stored' ? await store!.load(name) : undefined;
      const runs: (readonly [number, number])[] = [];
      for (const { offset, length } of bits?.dirtyExtents() ?? []) runs.push([offset, length]);
      const isDirty = (sector: number) => bits?.isDirty(sector * SECTOR) ?? false;
      found.set(name, { name, state, reason, runs, isDirty });
    }
    await store!.close();
    await drive.device.close();
    return found;
  }

  async #compareWithQemu(found: ReadonlyMap<string, Found>): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const { name, state, runs } of found.values()) {
      if (state !== 'stored') continue;
      const theirs = await dirtyByQemu(this.image, name);
      if (JSON.stringify(theirs) !== JSON.stringify(runs))
        problems.push(`QEMU reads other ${name}`);
    }
    return problems;
  }
}

/** Waits until nobody has it locked: what the dead process has started may take a moment to end. */
async function unlocked<T>(open: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 500; tries++) {
    try {
      return await open();
    } catch (error) {
      if (!isTidemarkError(error, 'LOCKED')) throw error;
      await setTimeout(10);
    }
  }
  return open();
}

/** Sectors that differ from what they held when the bitmap began, and that it calls clean. */
function staleOf(bitmap: Found, epoch: Epoch, content: Uint32Array): number {
  let count = 0;
  for (let at = 0; at < content.length; at++) {
    if (!mayHold(epoch, at, content[at]!) && !bitmap.isDirty(at)) count += 1;
  }
  return count;
}
