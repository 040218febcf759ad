/** qapi JobStatus: those that a backup goes through. */
export type JobStatus =
  | 'undefined'
  | 'created'
  | 'running'
  | 'paused'
  | 'waiting'
  | 'pending'
  | 'aborting'
  | 'concluded'
  | 'null';

/** qapi JobVerb. */
export type JobVerb =
  | 'cancel'
  | 'pause'
  | 'resume'
  | 'set-speed'
  | 'complete'
  | 'finalize'
  | 'dismiss';

const ACTIVE: readonly JobStatus[] = ['created', 'running', 'paused'];

/** `complete` is for jobs that wait to be told, which a backup never does. */
const ALLOWED: Readonly<Record<JobVerb, readonly JobStatus[]>> = {
  cancel: [...ACTIVE, 'waiting', 'pending'],
  pause: ACTIVE,
  resume: ACTIVE,
  'set-speed': ACTIVE,
  complete: [],
  finalize: ['pending'],
  dismiss: ['concluded'],
};

export function isAllowed(verb: JobVerb, status: JobStatus): boolean {
  return ALLOWED[verb].includes(status);
}
