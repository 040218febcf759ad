import type { Layers } from './draw-heat.ts';
import type { HeatState } from './heat-state.ts';

/** Which layers are drawn; it is the legend as well. */
export function HeatLayers({ state }: { readonly state: HeatState }) {
  const layers = state.layers.value;
  const { bitmaps } = state.drive.value;
  const set = (change: Partial<Layers>): void => {
    state.layers.value = { ...layers, ...change };
  };
  return (
    <fieldset class="layers">
      <legend class="unseen">Layers</legend>
      <label class="layer">
        <input
          type="checkbox"
          checked={layers.dirty !== undefined}
          onChange={(event) => set({ dirty: event.currentTarget.checked ? '' : undefined })}
        />
        <span class="swatch dirty" />
        dirty
      </label>
      {bitmaps.length > 1 && (
        <select
          aria-label="Dirty in which bitmap"
          value={layers.dirty ?? ''}
          onChange={(event) => set({ dirty: event.currentTarget.value })}
        >
          <option value="">in any bitmap</option>
          {bitmaps.map(({ name, inconsistent }) => (
            <option key={name} value={name} disabled={inconsistent}>
              {inconsistent ? `${name}: not known` : `in ${name}`}
            </option>
          ))}
        </select>
      )}
      <label class="layer">
        <input
          type="checkbox"
          checked={layers.allocated}
          onChange={(event) => set({ allocated: event.currentTarget.checked })}
        />
        <span class="swatch allocated" />
        allocated
      </label>
      <label class="layer">
        <input
          type="checkbox"
          checked={layers.written}
          onChange={(event) => set({ written: event.currentTarget.checked })}
        />
        <span class="swatch written" />
        written lately
      </label>
    </fieldset>
  );
}
