import { useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { scalesOf } from '../model/colours.ts';
import { theme } from '../state/theme.ts';
import { drawHeat } from './draw-heat.ts';
import { pointerHandlers } from './heat-pointer.ts';
import type { HeatState } from './heat-state.ts';
import { handleKey } from './heat-keys.ts';

/**
 * The map itself. To assistive technology it is a slider over its cells: each step reads out what the
 * cell's numbers are.
 */
export function HeatCanvas({ state }: { readonly state: HeatState }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const handlers = useMemo(() => pointerHandlers(state, () => canvas.current!), [state]);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => state.resize(entry!.contentRect.width));
    const element = box.current!;
    watch.observe(element);
    // Preact's own listener would be passive, and the page would scroll as well.
    element.addEventListener('wheel', handlers.onWheel, { passive: false });
    return () => {
      watch.disconnect();
      element.removeEventListener('wheel', handlers.onWheel);
    };
  }, [state, handlers]);
  useSignalEffect(() => {
    const shown = { heat: state.heat.value, view: state.view.value, columns: state.columns.value };
    const marks = {
      focus: state.focused.value ? state.focus.value : undefined,
      hover: state.hover.value,
    };
    const { value: layers } = state.layers;
    const scales = scalesOf(theme.value);
    if (!state.visible.value || shown.columns === 0) return undefined;
    const frame = requestAnimationFrame(() => {
      if (canvas.current !== null) drawHeat(canvas.current, shown, layers, scales, marks);
    });
    return () => cancelAnimationFrame(frame);
  });
  const { value: focus } = state.focus;
  return (
    <div
      ref={box}
      class={state.approximate ? 'canvas approximate' : 'canvas'}
      role="slider"
      tabIndex={0}
      aria-label={`Cells of ${state.drive.value.name}`}
      aria-valuemin={0}
      aria-valuemax={state.view.value.cells - 1}
      aria-valuenow={focus}
      aria-valuetext={state.describe(focus)}
      aria-keyshortcuts="+ - 0"
      title="Wheel (once clicked), + and − zoom; drag or arrows move"
      onKeyDown={(event) => handleKey(state, event)}
      onFocus={() => (state.focused.value = true)}
      onBlur={() => (state.focused.value = false)}
      onPointerDown={handlers.onPointerDown}
      onPointerMove={handlers.onPointerMove}
      onPointerUp={handlers.onPointerUp}
      onPointerCancel={handlers.onPointerUp}
      onPointerLeave={handlers.onPointerLeave}
      onDblClick={handlers.onDoubleClick}
    >
      <canvas ref={canvas} aria-hidden="true" />
    </div>
  );
}
