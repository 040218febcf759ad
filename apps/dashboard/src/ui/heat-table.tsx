import { describeWritten } from '../model/describe-cell.ts';
import { formatBytes, formatOffset, formatShare } from '../model/format.ts';
import { type HeatRow, summarise } from '../model/heat.ts';
import type { HeatState } from './heat-state.ts';

const ROWS = 16;

/** What the map shows, in words: its part of the drive in a few rows, each of which can be zoomed to. */
export function HeatTable({ state }: { readonly state: HeatState }) {
  const { value: heat } = state.heat;
  const { name, size } = state.drive.value;
  if (heat === undefined) return <p class="empty">Loading …</p>;
  const bitmaps = state.drive.value.bitmaps.map((bitmap) => bitmap.name);
  return (
    <div class="scroll" role="group" aria-label={`Table of ${name}`} tabIndex={0}>
      <table class="heat-table">
        <caption>The part of {name} that the map shows</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            {bitmaps.map((bitmap) => (
              <th scope="col" key={bitmap}>
                Dirty in {bitmap}
              </th>
            ))}
            <th scope="col">Allocated</th>
            <th scope="col">Last write</th>
            <th scope="col">
              <span class="unseen">Zoom</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {summarise(heat, size, ROWS).map((row) => (
            <Row key={row.start} row={row} bitmaps={bitmaps} state={state} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly row: HeatRow;
  readonly bitmaps: readonly string[];
  readonly state: HeatState;
}

function Row({ row, bitmaps, state }: RowProps) {
  const length = row.end - row.start;
  return (
    <tr>
      <th scope="row">{formatOffset(row.start)}</th>
      <td>{formatOffset(row.end)}</td>
      {bitmaps.map((name) => (
        <td key={name}>{dirtyText(row.dirty.get(name), state.unknown.value.has(name))}</td>
      ))}
      <td>{formatShare(row.allocated, length)}</td>
      <td>{describeWritten(row.written)}</td>
      <td>
        <button type="button" class="quiet" onClick={() => state.zoomTo(row.start, row.end)}>
          Zoom<span class="unseen"> to {formatOffset(row.start)}</span>
        </button>
      </td>
    </tr>
  );
}

function dirtyText(bytes: number | undefined, unknown: boolean): string {
  if (unknown || bytes === undefined) return 'not known';
  return bytes === 0 ? 'clean' : formatBytes(Math.round(bytes));
}
