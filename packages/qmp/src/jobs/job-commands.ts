import * as v from 'valibot';
import { type Command, command, type CommandContext } from '../command.ts';
import { QmpError } from '../errors.ts';
import type { JsonObject } from '../json/json-value.ts';
import { int64, members } from '../schema.ts';
import type { QmpJob } from '../target.ts';

const ById = members({ id: v.string() });
const ByDevice = members({ device: v.string() });

type Verb = 'pause' | 'resume' | 'cancel' | 'complete' | 'finalize' | 'dismiss';

/** Jobs, by the two sets of commands that QEMU has for them. */
export const jobCommands: Readonly<Record<string, Command>> = {
  'query-jobs': command(members({}), ({ target }) => target.block.jobs().map(describeJob)),
  'query-block-jobs': command(members({}), ({ target }) =>
    target.block.jobs().map(describeBlockJob),
  ),
  'job-pause': byId('pause'),
  'job-resume': byId('resume'),
  'job-cancel': byId('cancel'),
  'job-complete': byId('complete'),
  'job-finalize': byId('finalize'),
  'job-dismiss': byId('dismiss'),
  'block-job-pause': byDevice('pause'),
  'block-job-resume': byDevice('resume'),
  'block-job-complete': byDevice('complete'),
  'block-job-cancel': command(
    members({ device: v.string(), force: v.exactOptional(v.boolean()) }),
    (context, { device }) => act(findBlockJob(context, device), 'cancel'),
  ),
  'block-job-finalize': command(ById, (context, { id }) =>
    act(findBlockJob(context, id), 'finalize'),
  ),
  'block-job-dismiss': command(ById, (context, { id }) =>
    act(findBlockJob(context, id), 'dismiss'),
  ),
  'block-job-set-speed': command(
    members({ device: v.string(), speed: int64 }),
    (context, { device, speed }) => {
      findBlockJob(context, device).setSpeed(speed);
      return {};
    },
  ),
};

function byId(verb: Verb): Command {
  return command(ById, ({ target }, { id }) => {
    const job = target.block.jobs().find((each) => each.id === id);
    if (job === undefined) throw new QmpError('GenericError', 'Job not found');
    return act(job, verb);
  });
}

function byDevice(verb: Verb): Command {
  return command(ByDevice, (context, { device }) => act(findBlockJob(context, device), verb));
}

function findBlockJob({ target }: CommandContext, device: string): QmpJob {
  const job = target.block.jobs().find(({ id }) => id === device);
  if (job !== undefined) return job;
  throw new QmpError('DeviceNotActive', `Block job '${device}' not found`);
}

function act(job: QmpJob, verb: Verb): JsonObject {
  job[verb]();
  return {};
}

function describeJob({ id, type, status, current, total, error }: QmpJob): JsonObject {
  return {
    'current-progress': current,
    status,
    'total-progress': total,
    type,
    id,
    ...(error !== undefined && { error }),
  };
}

function describeBlockJob(job: QmpJob): JsonObject {
  const { error } = job;
  return {
    'auto-finalize': job.autoFinalize,
    'io-status': job.ioStatus,
    device: job.id,
    'auto-dismiss': job.autoDismiss,
    busy: job.busy,
    len: job.total,
    offset: job.current,
    status: job.status,
    paused: job.paused,
    speed: job.speed,
    ready: false,
    type: job.type,
    ...(error !== undefined && { error }),
  };
}
