import type { DriveMap } from '@tidemark/http/client';
import { decodeMap, type Heat } from './heat.ts';

export interface MapPart {
  readonly offset: number;
  readonly length: number;
  readonly cells: number;
}

/** Milliseconds between two requests for what has changed, and for another part that a person chose. */
const REFRESH = 1000;
const CHOSEN = 150;

export interface MapSource {
  load(part: MapPart, signal: AbortSignal): Promise<DriveMap>;
  arrived(heat: Heat): void;
  failed(error: unknown): void;
}

/** Asks for maps of one drive: one request at a time, no more often than is of use. */
export class MapFeed {
  readonly #source: MapSource;
  #part: MapPart | undefined;
  #wanted: 'chosen' | 'refresh' | undefined;
  #running: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastStart = Number.NEGATIVE_INFINITY;
  #paused = true;

  constructor(source: MapSource) {
    this.#source = source;
  }

  /** Another part of the drive is to be shown. */
  choose(part: MapPart): void {
    this.#part = part;
    this.#wanted = 'chosen';
    this.#schedule();
  }

  /** Something on the drive may have changed. */
  refresh(): void {
    this.#wanted ??= 'refresh';
    this.#schedule();
  }

  /** A map that nobody sees asks for nothing, and catches up when it is seen. */
  pause(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.#stop();
    else this.#schedule();
  }

  close(): void {
    this.#paused = true;
    this.#stop();
    this.#running?.abort();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    if (this.#paused || this.#running !== undefined || this.#wanted === undefined) return;
    this.#stop();
    const gap = this.#wanted === 'chosen' ? CHOSEN : REFRESH;
    const wait = Math.max(0, this.#lastStart + gap - performance.now());
    this.#timer = setTimeout(() => void this.#run(), wait);
  }

  async #run(): Promise<void> {
    const part = this.#part;
    if (part === undefined) return;
    this.#wanted = undefined;
    this.#lastStart = performance.now();
    const running = new AbortController();
    this.#running = running;
    try {
      const heat = decodeMap(await this.#source.load(part, running.signal));
      if (!running.signal.aborted) this.#source.arrived(heat);
    } catch (error) {
      if (!running.signal.aborted) this.#source.failed(error);
    } finally {
      this.#running = undefined;
      this.#schedule();
    }
  }
}
