import type { HeatState } from './heat-state.ts';

/** Arrows move the focus by a cell or a row, with Shift the map; +, - and 0 zoom. */
export function handleKey(state: HeatState, event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const act = actionOf(state, event.key, event.shiftKey);
  if (act === undefined) return;
  event.preventDefault();
  act();
}

function actionOf(state: HeatState, key: string, shift: boolean): (() => void) | undefined {
  const { value: columns } = state.columns;
  const { cells } = state.view.value;
  const move = (by: number) => () => (shift ? state.pan(by) : state.moveFocus(by));
  switch (key) {
    case 'ArrowLeft':
      return move(-1);
    case 'ArrowRight':
      return move(1);
    case 'ArrowUp':
      return move(-columns);
    case 'ArrowDown':
      return move(columns);
    case 'PageUp':
      return () => state.pan(-cells);
    case 'PageDown':
      return () => state.pan(cells);
    case 'Home':
      return () => state.setFocus(0);
    case 'End':
      return () => state.setFocus(cells - 1);
    case '+':
    case '=':
      return () => state.zoom(1);
    case '-':
    case '_':
      return () => state.zoom(-1);
    case '0':
      return () => state.whole();
    default:
      return undefined;
  }
}
