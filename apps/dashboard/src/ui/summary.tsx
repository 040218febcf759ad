import { formatBytes, formatCount, formatRate } from '../model/format.ts';
import { dirtiest } from '../model/sort-drives.ts';
import { drives, exportsOf, jobs, now, totalHistory } from '../state/store.ts';
import { Sparkline } from './sparkline.tsx';

export function Summary() {
  const all = drives.value;
  const sum = (of: (drive: (typeof all)[number]) => number): number =>
    all.reduce((total, drive) => total + of(drive), 0);
  const requests = sum((drive) => drive.writes.requestsPerSecond);
  const running = jobs.value.filter((job) => job.error === undefined).length;
  return (
    <section class="summary" aria-label="Summary" data-region="summary">
      <dl>
        <Figure
          name="Drives"
          value={formatCount(all.length)}
          note={formatBytes(sum((d) => d.size))}
        />
        <Figure
          name="Dirty"
          value={formatBytes(sum(dirtiest))}
          note={`${formatCount(sum((d) => d.bitmaps.length))} bitmaps`}
        />
        <div class="figure with-line">
          <dt>Writes</dt>
          <dd>
            {formatRate(sum((drive) => drive.writes.bytesPerSecond))}
            <small>{formatCount(requests)} requests/s</small>
          </dd>
          <dd aria-hidden="true">
            <Sparkline history={totalHistory} at={now.value} width={150} height={34} />
          </dd>
        </div>
        <Figure
          name="Clients"
          value={formatCount(exportsOf.value.clients)}
          note={`${formatCount(exportsOf.value.exports.length)} exports`}
        />
        <Figure
          name="Jobs"
          value={formatCount(jobs.value.length)}
          note={running === jobs.value.length ? 'none failed' : 'some failed'}
        />
      </dl>
    </section>
  );
}

function Figure({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        {value}
        <small>{note}</small>
      </dd>
    </div>
  );
}
