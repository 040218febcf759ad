import { randomBytes } from 'node:crypto';
import type { DriveFacts, KnownByFacts } from '@tidemark/block';
import type { DirectoryEntry } from '@tidemark/core';
import type { Control, DirectorySeal, ImageMetadata } from '@tidemark/qcow2';
import { whyChanged } from './compare-facts.ts';
import { judge } from './judge.ts';

/** The drive whose writes the bitmaps of a sidecar record; a `BlockDevice` will do. */
export interface BoundDrive extends Partial<KnownByFacts> {
  readonly label: string;
  /** Bytes. */
  readonly size: number;
}

export interface BindingOptions {
  readonly image: ImageMetadata;
  readonly drive: BoundDrive;
  /** Whoever opened the sidecar is the one who writes the drive. */
  readonly writesDrive: boolean;
  /** Names the sidecar in messages. */
  readonly label: string;
  readonly onNotice: (message: string) => void;
}

/**
 * Ties a sidecar to its drive. While nobody records, the sidecar says what the system says of the
 * drive, so that whoever opens it sees whether the drive was changed behind its back.
 */
export class Binding {
  readonly #options: BindingOptions;
  readonly #sessionId = randomBytes(16);
  readonly #storeId: Uint8Array;
  /** The facts that the sidecar has, where they are those of the drive as its bitmaps know it. */
  #idleFacts: DriveFacts | undefined;

  constructor(options: BindingOptions) {
    this.#options = options;
    this.#storeId = this.#control?.storeId ?? randomBytes(16);
  }

  /** The entries as they can be trusted. To be called once, before anything is changed. */
  async read(records: readonly DirectoryEntry[]): Promise<readonly DirectoryEntry[]> {
    const { image, label, onNotice } = this.#options;
    const facts = await this.#facts();
    const verdict = judge(image.control, facts);
    if (image.control === undefined && facts !== undefined && records.length > 0) {
      onNotice(
        `${label} does not say how its drive was when its bitmaps were stored, so whether they ` +
          'missed a write is not known; the next change of them notes it',
      );
    }
    const control = this.#control;
    const isTrue = control !== undefined && facts !== undefined && control.state === 'idle';
    if (isTrue && whyChanged(control.drive, facts) === undefined) this.#idleFacts = facts;
    return records.map((record) => {
      const reason = verdict(record);
      return reason === undefined ? record : { ...record, inUse: true, reason };
    });
  }

  /**
   * What the sidecar is to say of the drive beside a new directory. Undefined: nothing.
   * @throws I/O codes: the drive cannot be made durable as it is
   */
  async prepare(
    entries: readonly DirectoryEntry[],
  ): Promise<((directory: DirectorySeal) => Control) | undefined> {
    const state = entries.some(isOurs) ? 'busy' : 'idle';
    const drive = await this.#facts({ durable: state === 'idle' });
    if (drive === undefined) return undefined;
    return (directory) => ({
      state,
      storeId: this.#storeId,
      sessionId: this.#sessionId,
      leaseUntil: 0n,
      drive,
      directory,
      liveEntries: [],
    });
  }

  /** After the commit of what was prepared. */
  committed(): void {
    const { image, drive, label, onNotice } = this.#options;
    const control = this.#control;
    this.#idleFacts = control?.state === 'idle' ? control.drive : undefined;
    if (image.control !== undefined || drive.facts === undefined) return;
    onNotice(
      `${label} has no room to say how its drive is: writes behind its back will not be noticed`,
    );
  }

  /**
   * To be called when nothing more is written. What this session has written to the drive while no
   * bitmap recorded is no reason to distrust the others. @throws I/O codes
   */
  async close(): Promise<void> {
    const { image, writesDrive } = this.#options;
    const before = this.#idleFacts;
    if (!writesDrive || !image.writable || before === undefined) return;
    const drive = await this.#facts({ durable: true });
    if (drive === undefined || whyChanged(before, drive) === undefined) return;
    await image.commitControl((now) => ({ ...now, sessionId: this.#sessionId, drive }));
  }

  get #control(): Control | undefined {
    const found = this.#options.image.control;
    return found !== undefined && 'control' in found ? found.control : undefined;
  }

  async #facts(options: { readonly durable?: boolean } = {}): Promise<DriveFacts | undefined> {
    return this.#options.drive.facts?.(options);
  }
}

/** In use by this very store: what was found in use has a reason. */
function isOurs({ inUse, reason, unsupported }: DirectoryEntry): boolean {
  return inUse && reason === undefined && unsupported === undefined;
}
