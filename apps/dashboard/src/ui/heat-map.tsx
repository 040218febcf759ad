import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { formatBytes, formatOffset } from '../model/format.ts';
import * as views from '../model/view.ts';
import { HeatCanvas } from './heat-canvas.tsx';
import { HeatLayers } from './heat-layers.tsx';
import type { HeatState } from './heat-state.ts';
import { HeatTable } from './heat-table.tsx';

export function HeatMap({ state }: { readonly state: HeatState }) {
  const table = useSignal(false);
  useEffect(() => state.follow(), [state]);
  const { name } = state.drive.value;
  return (
    <div class="heat" role="group" aria-label={`Heat map of ${name}`}>
      <div class="tools">
        <HeatLayers state={state} />
        <span class="spring" />
        <ZoomButtons state={state} />
        <button
          type="button"
          class="quiet"
          aria-pressed={table.value}
          onClick={() => (table.value = !table.value)}
        >
          Table<span class="unseen"> of {name}</span>
        </button>
      </div>
      <HeatCanvas state={state} />
      <Place state={state} />
      <p class="readout">{state.readout.value}</p>
      {table.value && <HeatTable state={state} />}
    </div>
  );
}

function ZoomButtons({ state }: { readonly state: HeatState }) {
  const { name } = state.drive.value;
  const { value: view } = state.view;
  const { value: extent } = state.extent;
  const whole = views.isWhole(view, extent);
  const finest = views.isFinest(view, extent);
  // Never `disabled`: a button that is would lose the focus to nowhere while it is pressed again.
  const button = (label: string, text: string, off: boolean, press: () => void) => (
    <button
      type="button"
      class="quiet square"
      aria-label={`${label}, ${name}`}
      aria-disabled={off}
      title={label}
      onClick={() => !off && press()}
    >
      {text}
    </button>
  );
  return (
    <>
      <span class="cell-size" title="Bytes of a cell">
        {formatBytes(view.cellBytes)}
        <span class="unseen"> a cell</span>
      </span>
      {button('Zoom out', '−', whole, () => state.zoom(-1))}
      {button('Zoom in', '+', finest, () => state.zoom(1))}
      {button('Whole drive', '⤢', whole, () => state.whole())}
    </>
  );
}

/** Which part of the drive is shown, as a bar below the map. */
function Place({ state }: { readonly state: HeatState }) {
  const { value: view } = state.view;
  const { value: extent } = state.extent;
  const length = views.viewLength(view, extent);
  const share = (bytes: number): number => (extent.size > 0 ? (bytes / extent.size) * 1000 : 0);
  return (
    <div class="place">
      <svg viewBox="0 0 1000 4" preserveAspectRatio="none" aria-hidden="true">
        <rect class="all" width="1000" height="4" />
        <rect class="part" x={share(view.offset)} width={Math.max(3, share(length))} height="4" />
      </svg>
      <small>{formatOffset(view.offset)}</small>
      <span class="spring" />
      <small>{formatOffset(view.offset + length)}</small>
    </div>
  );
}
