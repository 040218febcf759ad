import type { Job, JobTable } from '@tidemark/graph';
import type { QmpJob } from '@tidemark/qmp';

/** A job as QMP clients see it. */
export function qmpJob(job: Job, jobs: JobTable): QmpJob {
  const { id, type, status, error, autoFinalize, autoDismiss, ioStatus, speed } = job;
  return {
    ...{ id, type, status, error, autoFinalize, autoDismiss, ioStatus, speed },
    ...job.work.progress,
    paused: job.isPaused,
    // QEMU says whether it runs in this very moment: what clients wait for is the status.
    busy: false,
    pause: () => job.pause(),
    resume: () => job.resume(),
    cancel: () => jobs.cancel(job),
    complete: () => job.check('complete'),
    finalize: () => jobs.finalize(job),
    dismiss: () => jobs.dismiss(job),
    setSpeed: (wanted) => job.setSpeed(wanted),
  };
}
