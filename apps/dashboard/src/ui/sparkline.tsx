import { sparkline, type RateHistory } from '../model/rate-history.ts';

interface Props {
  readonly history: RateHistory;
  /** Changes whenever the history has. */
  readonly at: number;
  readonly width: number;
  readonly height: number;
}

/** The last minute as a line; the number beside it says the same in text. */
export function Sparkline({ history, width, height }: Props) {
  const line = sparkline(history, 60, width, height - 2)
    .map(([x, y]) => `${x.toFixed(1)},${(y + 1).toFixed(1)}`)
    .join(' ');
  const first =
    history.values.length === 0 ? width : width - (width / 59) * (history.values.length - 1);
  return (
    <svg class="sparkline" width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
      <polygon points={`${first.toFixed(1)},${height} ${line} ${width},${height}`} />
      <polyline points={line} />
    </svg>
  );
}
