import { isWhole, type View } from '../model/view.ts';
import { PITCH, ROWS } from './draw-heat.ts';
import type { HeatState } from './heat-state.ts';

/** Pixels of the wheel that are a step of zoom: a notch of most mice is 100 or more. */
const WHEEL_STEP = 80;
/** Pixels that a pointer may move and still only click. */
const STILL = 4;

interface Drag {
  readonly x: number;
  readonly y: number;
  readonly view: View;
  moved: boolean;
}

interface PointerHandlers {
  readonly onPointerDown: (event: PointerEvent) => void;
  readonly onPointerMove: (event: PointerEvent) => void;
  readonly onPointerUp: (event: PointerEvent) => void;
  readonly onPointerLeave: () => void;
  readonly onDoubleClick: (event: MouseEvent) => void;
  readonly onWheel: (event: WheelEvent) => void;
}

export function pointerHandlers(
  state: HeatState,
  canvas: () => HTMLCanvasElement,
): PointerHandlers {
  let drag: Drag | undefined;
  let wheel = 0;
  const cellAt = (event: MouseEvent): number | undefined => {
    const { left, top } = canvas().getBoundingClientRect();
    const column = Math.floor((event.clientX - left) / PITCH);
    const row = Math.floor((event.clientY - top) / PITCH);
    if (column < 0 || column >= state.columns.value || row < 0 || row >= ROWS) return undefined;
    const cell = row * state.columns.value + column;
    return cell < state.view.value.cells ? cell : undefined;
  };
  const zoomAt = (event: MouseEvent, steps: number): void => {
    const cell = cellAt(event);
    if (cell === undefined) state.zoom(steps);
    else state.zoom(steps, state.middleOf(cell));
  };
  return {
    onPointerDown(event: PointerEvent): void {
      if (event.button !== 0) return;
      drag = { x: event.clientX, y: event.clientY, view: state.view.value, moved: false };
      canvas().setPointerCapture(event.pointerId);
    },
    onPointerMove(event: PointerEvent): void {
      state.hover.value = cellAt(event);
      if (drag === undefined) return;
      const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
      drag.moved ||= Math.hypot(x, y) > STILL;
      if (!drag.moved) return;
      const cells = Math.round(x / PITCH) + Math.round(y / PITCH) * state.columns.value;
      state.pan(-cells, drag.view);
    },
    onPointerUp(event: PointerEvent): void {
      const cell = cellAt(event);
      if (drag?.moved === false && cell !== undefined) state.setFocus(cell);
      drag = undefined;
    },
    onPointerLeave(): void {
      state.hover.value = undefined;
    },
    onDoubleClick(event: MouseEvent): void {
      zoomAt(event, 1);
    },
    /** Only where the map has the focus, or with Ctrl (a pinch): else the page scrolls over it. */
    onWheel(event: WheelEvent): void {
      if (!state.focused.value && !event.ctrlKey) return;
      if (event.deltaY > 0 && isWhole(state.view.value, state.extent.value)) return;
      event.preventDefault();
      // A pinch comes in much smaller pieces.
      wheel -= event.deltaY * (event.ctrlKey ? 8 : 1);
      const steps = Math.trunc(wheel / WHEEL_STEP);
      if (steps === 0) return;
      wheel -= steps * WHEEL_STEP;
      zoomAt(event, Math.max(-2, Math.min(2, steps)));
    },
  };
}
