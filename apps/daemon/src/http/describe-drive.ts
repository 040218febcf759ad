import type { BlockGraph, BlockNode, ExportInfo } from '@tidemark/graph';
import type { Bitmap, Drive, Export, Exports, Job } from '@tidemark/http';
import { addressText } from '../describe-service.ts';
import type { Activity } from './activity.ts';
import { driveWarnings } from './drive-warnings.ts';

/** Milliseconds: what is told of a recovery costs a look at all bits. */
const RECOVERY_AGE = 30_000;

export type Glance = ReturnType<NonNullable<BlockNode['tracked']>['glance']>[number];

export function glanceAt({ tracked }: BlockNode): readonly Glance[] {
  return tracked?.glance({ maxAge: RECOVERY_AGE }) ?? [];
}

/** What is known without waiting for anything. */
export function describeDrive(node: BlockNode, { exports }: BlockGraph, activity: Activity): Drive {
  const { name, driver, disk, device, tracked } = node;
  const glances = glanceAt(node);
  const { heat, requests, bytes } = activity.of(node);
  return {
    name,
    driver,
    ...(disk.filename !== '' && { file: disk.filename }),
    size: device.size,
    writable: disk.writable,
    bitmaps: glances.map((info) => describeBitmap(info, isLoaded(node, info))),
    warnings: driveWarnings(glances, {
      isRaw: disk.image === undefined,
      trouble: tracked?.trouble,
    }),
    writes: {
      requests: heat.requests,
      bytes: heat.bytes,
      requestsPerSecond: requests.perSecond,
      bytesPerSecond: bytes.perSecond,
    },
    exports: exports.list().flatMap(({ id, node: of }) => (of === name ? [id] : [])),
  };
}

/** Whether its bits are at hand, or there are none. */
export function isLoaded({ tracked }: BlockNode, info: Glance): boolean {
  return info.inconsistent || info.unsupported || tracked?.bitmap(info.name) !== undefined;
}

export function describeBitmap(info: Glance, loaded: boolean): Bitmap {
  const { name, granularity, count, recording, persistent, busy, inconsistent, recovered } = info;
  return {
    ...{ name, granularity, dirtyBytes: count, recording, persistent, busy, inconsistent },
    ...(!loaded && { loading: true }),
    ...(recovered && {
      recovered: { dirtyBytes: recovered.dirty, wholeRegionBytes: recovered.wholeRegions },
    }),
  };
}

export function describeExports({ exports, nbd }: BlockGraph): Exports {
  const { address, clients } = nbd;
  return {
    ...(address !== undefined && { address: addressText(address) }),
    clients,
    exports: exports.list().map(describeExport),
  };
}

function describeExport({ node: drive, counts, bitmaps, ...info }: ExportInfo): Export {
  const { id, name, readOnly, clients } = info;
  return {
    ...{ id, drive, name, readOnly, clients, bitmaps: [...bitmaps] },
    counts: counts.map(({ kind, requests, bytes, errors }) => ({ kind, requests, bytes, errors })),
  };
}

export function describeJob(job: BlockGraphJob, activity: Activity): Job {
  const { id, type, status, error, work } = job;
  const { current, total } = work.progress;
  const bytesPerSecond = activity.rateOf(job);
  const isRunning = status === 'running' && bytesPerSecond > 0;
  return {
    ...{ id, type, status, drive: work.source, done: current, total, bytesPerSecond },
    ...(isRunning && { secondsLeft: Math.ceil(Math.max(0, total - current) / bytesPerSecond) }),
    ...(error !== undefined && { error }),
  };
}

type BlockGraphJob = ReturnType<BlockGraph['jobs']['list']>[number];
