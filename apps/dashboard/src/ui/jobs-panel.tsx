import type { Job } from '@tidemark/http/client';
import { formatBytes, formatDuration, formatRate, formatShare } from '../model/format.ts';
import { jobs, writable } from '../state/store.ts';
import { openDialog } from './dialogs.tsx';

export function JobsPanel() {
  return (
    <section class="panel" id="jobs" tabIndex={-1} aria-labelledby="jobs-title" data-region="jobs">
      <h2 id="jobs-title">Jobs</h2>
      {jobs.value.length === 0 && <p class="empty">None is running.</p>}
      <ul class="jobs">
        {jobs.value.map((job) => (
          <JobItem key={job.id} job={job} />
        ))}
      </ul>
    </section>
  );
}

function JobItem({ job }: { readonly job: Job }) {
  const { id, type, status, drive, done, total, secondsLeft, error } = job;
  const failed = error !== undefined;
  return (
    <li>
      <div class="line">
        <b>{id}</b>
        <span class={`pill ${failed ? 'danger' : 'quiet'}`}>{failed ? 'failed' : status}</span>
        <span class="spring" />
        {writable.value && !failed && (
          <button
            type="button"
            class="quiet"
            onClick={() => openDialog({ kind: 'cancel', job: id })}
          >
            Cancel<span class="unseen"> job {id}</span>
          </button>
        )}
      </div>
      <small>
        {type}
        {drive !== undefined && ` of ${drive}`}
      </small>
      {failed ? (
        <p class="failure">{error}</p>
      ) : (
        <>
          <progress max={Math.max(total, 1)} value={done} aria-label={`Progress of job ${id}`} />
          <div class="line">
            <small>
              {formatBytes(done)} of {formatBytes(total)} ({formatShare(done, total)})
            </small>
            <span class="spring" />
            <small>
              {formatRate(job.bytesPerSecond)}
              {secondsLeft !== undefined && `, ${formatDuration(secondsLeft)} left`}
            </small>
          </div>
        </>
      )}
    </li>
  );
}
