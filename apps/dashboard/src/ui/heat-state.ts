import { batch, computed, effect, signal } from '@preact/signals';
import { ApiError, type Drive } from '@tidemark/http/client';
import { describeCell } from '../model/describe-cell.ts';
import { cellsOf, fits, type Heat } from '../model/heat.ts';
import { MapFeed } from '../model/map-feed.ts';
import * as views from '../model/view.ts';
import { client } from '../api/client.ts';
import { live, now } from '../state/store.ts';
import { columnsOf, ROWS, type Layers } from './draw-heat.ts';

/** Seconds after which "recently written" has faded enough to be asked for again. */
const FADE = 10_000;

/** What one heat map knows and does; the component draws it and hands it events. */
export class HeatState {
  readonly drive: { readonly value: Drive };
  readonly visible = signal(false);
  readonly columns = signal(0);
  readonly heat = signal<Heat | undefined>(undefined);
  readonly failure = signal<string | undefined>(undefined);
  readonly layers = signal<Layers>({ dirty: '', allocated: true, written: true });
  readonly hover = signal<number | undefined>(undefined);
  readonly focused = signal(false);
  readonly #view = signal<views.View | undefined>(undefined);
  readonly #focusByte = signal(0);
  readonly #feed: MapFeed;
  readonly #disposers: (() => void)[] = [];
  #arrivedAt = 0;

  readonly #size = computed(() => this.drive.value.size);
  readonly #granule = computed(() => views.granuleOf(this.drive.value.bitmaps));
  // By way of two numbers, so that a drive whose counters change does not begin a view anew.
  readonly extent = computed<views.Extent>(() => ({
    size: this.#size.value,
    granule: this.#granule.value,
  }));

  readonly view = computed<views.View>(() => {
    const cells = Math.max(1, this.cells);
    const chosen = this.#view.value;
    const { value: extent } = this.extent;
    return chosen === undefined
      ? views.wholeView(extent, cells)
      : views.resized(chosen, extent, cells);
  });

  readonly focus = computed<number>(() => {
    const { offset, cellBytes, cells } = this.view.value;
    const cell = Math.floor((this.#focusByte.value - offset) / cellBytes);
    return Math.min(Math.max(0, cell), cells - 1);
  });

  readonly readout = computed<string>(() => {
    if (this.failure.value !== undefined) return this.failure.value;
    return this.describe(this.hover.value ?? this.focus.value);
  });

  /** Bitmaps that may have missed writes: what they call clean is not shown as such. */
  readonly unknown = computed<ReadonlySet<string>>(
    () =>
      new Set(this.drive.value.bitmaps.filter((one) => one.inconsistent).map(({ name }) => name)),
  );

  constructor(drive: { readonly value: Drive }) {
    this.drive = drive;
    this.#feed = new MapFeed({
      load: (part, signal) => client.map(this.drive.value.name, part, { signal }),
      arrived: (heat) => this.#arrived(heat),
      failed: (error) => this.#failed(error),
    });
  }

  get cells(): number {
    return this.columns.value * ROWS;
  }

  /** Begins to follow the drive; what is returned ends it. */
  follow(): () => void {
    this.#disposers.push(
      effect(() => this.#feed.pause(!(this.visible.value && live.value && this.columns.value > 0))),
      effect(() => {
        const { offset, cells } = this.view.value;
        const length = views.viewLength(this.view.value, this.extent.value);
        if (this.columns.value > 0 && length > 0) this.#feed.choose({ offset, length, cells });
      }),
      // Whatever is told anew of the drive may be on the map.
      effect(() => {
        if (this.drive.value.size > 0) this.#feed.refresh();
      }),
      effect(() => {
        const fading = this.heat.peek()?.written.some((one) => one > 0) === true;
        if (fading && now.value - this.#arrivedAt > FADE) this.#feed.refresh();
      }),
    );
    return () => {
      for (const dispose of this.#disposers.splice(0)) dispose();
      this.#feed.close();
    };
  }

  resize(width: number): void {
    this.columns.value = columnsOf(width);
  }

  describe(cell: number): string {
    const { heat, view, extent } = {
      heat: this.heat.value,
      view: this.view.value,
      extent: this.extent.value,
    };
    const index = heat === undefined ? -1 : (cellsOf(heat, view)[cell] ?? -1);
    return describeCell(heat, index, views.cellRange(view, extent, cell), this.unknown.value);
  }

  /** True while what is drawn is not yet a map of this very view. */
  get approximate(): boolean {
    return this.heat.value === undefined || !fits(this.heat.value, this.view.value);
  }

  /** In (steps > 0) or out around a byte, by default where the focused cell begins. */
  zoom(steps: number, anchor: number = this.#focusedByte()): void {
    batch(() => {
      this.#focusByte.value = Math.min(anchor, this.extent.value.size - 1);
      this.#view.value = views.zoom(this.view.value, this.extent.value, this.cells, steps, anchor);
    });
  }

  /** The middle of a cell: what a pointer on it means. */
  middleOf(cell: number): number {
    const { offset, cellBytes } = this.view.value;
    return offset + (cell + 0.5) * cellBytes;
  }

  /** A place that was focused before stays, as long as it is in sight. */
  #focusedByte(): number {
    const { start, end } = views.cellRange(this.view.value, this.extent.value, this.focus.value);
    const { value: byte } = this.#focusByte;
    return byte >= start && byte < end ? byte : start;
  }

  whole(): void {
    this.#view.value = undefined;
  }

  /** The part of the drive from `start` to `end`, as near as a level of zoom comes. */
  zoomTo(start: number, end: number): void {
    const middle = (start + end) / 2;
    const { value: view } = this.view;
    const steps = Math.floor(Math.log2((view.cells * view.cellBytes) / (end - start)));
    this.#focusByte.value = start;
    const near = views.zoom(view, this.extent.value, this.cells, Math.max(1, steps), middle);
    const shift = Math.round((start - near.offset) / near.cellBytes);
    this.#view.value = views.pan(near, this.extent.value, shift);
  }

  pan(cells: number, from: views.View = this.view.value): void {
    this.#view.value = views.pan(from, this.extent.value, cells);
  }

  setFocus(cell: number): void {
    const { offset, cellBytes } = this.view.value;
    this.#focusByte.value = offset + cell * cellBytes;
  }

  /** Moves the focus; beyond the edge the map moves along. */
  moveFocus(by: number): void {
    const { value: view } = this.view;
    const to = this.focus.value + by;
    if (to >= 0 && to < view.cells) {
      this.setFocus(to);
      return;
    }
    const { value: columns } = this.columns;
    const rows = to < 0 ? Math.floor(to / columns) : Math.floor((to - view.cells) / columns) + 1;
    const wanted = view.offset + to * view.cellBytes;
    batch(() => {
      this.pan(rows * columns);
      if (wanted >= 0 && wanted < this.extent.value.size) this.#focusByte.value = wanted;
    });
  }

  #arrived(heat: Heat): void {
    this.#arrivedAt = Date.now();
    batch(() => {
      this.heat.value = heat;
      this.failure.value = undefined;
    });
  }

  #failed(error: unknown): void {
    // Without the daemon the banner says it; the last map stays, dimmed.
    if (!(error instanceof ApiError) || error.status === 401) return;
    this.failure.value = `the map cannot be shown: ${error.message}`;
  }
}
