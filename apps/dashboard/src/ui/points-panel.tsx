import { useSignal } from '@preact/signals';
import type { RestorePoint } from '@tidemark/http/client';
import { formatAgo, formatBytes } from '../model/format.ts';
import { now, points, pointsFailure } from '../state/store.ts';

const FEW = 6;

export function PointsPanel() {
  const all = useSignal(false);
  const { points: known } = points.value;
  const shown = all.value ? known : known.slice(0, FEW);
  return (
    <section class="panel" aria-labelledby="points-title" data-region="points">
      <h2 id="points-title">Last restore points</h2>
      {pointsFailure.value !== undefined && <p class="failure">{pointsFailure.value}</p>}
      {known.length === 0 && pointsFailure.value === undefined && (
        <p class="empty">None in the repositories of the configuration.</p>
      )}
      <ol class="points">
        {shown.map((point) => (
          <Point key={`${point.repository} ${point.id} ${point.drive}`} point={point} />
        ))}
      </ol>
      {known.length > FEW && (
        <button type="button" class="quiet" onClick={() => (all.value = !all.value)}>
          {all.value ? 'Show fewer' : `Show all ${known.length}`}
        </button>
      )}
    </section>
  );
}

function Point({ point }: { readonly point: RestorePoint }) {
  const { drive, time, kind, reason, size, storedBytes, repository, id } = point;
  const at = Date.parse(time);
  return (
    <li title={`${id} in ${repository}`}>
      <div class="line">
        <b>{drive}</b>
        <span class={`pill ${kind === 'full' ? 'full' : 'good'}`}>{kind}</span>
        <span class="spring" />
        <time datetime={time} title={new Date(at).toLocaleString()}>
          {formatAgo(at, now.value)}
        </time>
      </div>
      <small>
        {reason}; {formatBytes(size)}
        {storedBytes !== undefined && `, ${formatBytes(storedBytes)} stored`}
      </small>
    </li>
  );
}
