import type { BlockGraph, BlockNode } from '@tidemark/graph';
import type { Metric, Sample } from './exposition.ts';

/** What is told of the process beside its drives. */
export interface ProcessFacts {
  readonly version: string;
  readonly qmpClients: number;
  /** Of the configuration. */
  readonly reloads: {
    readonly done: number;
    readonly failed: number;
    readonly isLastGood: boolean;
  };
  readonly isReady: boolean;
}

/** Tells what is counted by now, and waits for nothing: see `countBits`. */
export function collect(graph: BlockGraph, facts: ProcessFacts): readonly Metric[] {
  const nodes = graph.nodes.list().filter(({ isInline }) => !isInline);
  return [
    ...processMetrics(facts),
    ...nodeMetrics(nodes),
    ...bitmapMetrics(nodes),
    ...exportMetrics(graph),
    ...jobMetrics(graph),
  ];
}

function processMetrics({ version, qmpClients, reloads, isReady }: ProcessFacts): Metric[] {
  const { user, system } = process.cpuUsage();
  const started = Date.now() / 1000 - process.uptime();
  return [
    gauge('tidemark_build_info', 'Always 1; its label is the version', [
      { labels: { version }, value: 1 },
    ]),
    gauge('tidemark_ready', 'Whether /readyz says so', [{ value: Number(isReady) }]),
    counter('process_cpu_seconds_total', 'Time on processors', [{ value: (user + system) / 1e6 }]),
    gauge('process_resident_memory_bytes', 'Memory in use', [{ value: process.memoryUsage.rss() }]),
    gauge('process_start_time_seconds', 'When it was started, in seconds since 1970', [
      { value: started },
    ]),
    counter('tidemark_config_reloads_total', 'Configurations read again', [
      { labels: { result: 'done' }, value: reloads.done },
      { labels: { result: 'failed' }, value: reloads.failed },
    ]),
    gauge('tidemark_config_last_reload_successful', 'Whether the last one was right', [
      { value: Number(reloads.isLastGood) },
    ]),
    gauge('tidemark_qmp_clients', 'Clients of QMP', [{ value: qmpClients }]),
  ];
}

function nodeMetrics(nodes: readonly BlockNode[]): Metric[] {
  const each = (value: (node: BlockNode) => number) =>
    nodes.map((node) => ({ labels: { node: node.name, driver: node.driver }, value: value(node) }));
  return [
    gauge(
      'tidemark_node_size_bytes',
      'Size of the disk',
      each(({ device }) => device.size),
    ),
    gauge(
      'tidemark_node_writable',
      'Whether it can be written',
      each(({ disk }) => Number(disk.writable)),
    ),
    gauge(
      'tidemark_node_requests_in_flight',
      'Requests that its disk works on',
      each(({ device }) => device.progress.inFlight),
    ),
    gauge(
      'tidemark_node_tracking_blocked',
      'Whether writes wait because they cannot be marked in bitmaps',
      each(({ tracked }) => Number(tracked?.trouble !== undefined)),
    ),
  ];
}

type Glance = ReturnType<NonNullable<BlockNode['tracked']>['glance']>[number];

function bitmapMetrics(nodes: readonly BlockNode[]): Metric[] {
  const bitmaps = nodes.flatMap((node) =>
    (node.tracked?.glance() ?? []).map((info) => ({
      labels: { node: node.name, bitmap: info.name },
      info,
    })),
  );
  const each = (value: (info: Glance) => number | undefined) =>
    bitmaps.flatMap(({ labels, info }): readonly Sample[] => {
      const found = value(info);
      return found === undefined ? [] : [{ labels, value: found }];
    });
  return [
    gauge(
      'tidemark_bitmap_dirty_bytes',
      'What the next backup by it copies',
      each((b) => b.count),
    ),
    gauge(
      'tidemark_bitmap_granularity_bytes',
      'Bytes to a bit',
      each((b) => b.granularity),
    ),
    gauge(
      'tidemark_bitmap_recording',
      'Whether it records',
      each((b) => Number(b.recording)),
    ),
    gauge(
      'tidemark_bitmap_persistent',
      'Whether it is stored',
      each((b) => Number(b.persistent)),
    ),
    gauge(
      'tidemark_bitmap_busy',
      'Whether somebody holds it',
      each((b) => Number(b.busy)),
    ),
    gauge(
      'tidemark_bitmap_in_use',
      'Whether it is taken from its store to record or to be read',
      each((b) => Number(b.recording || b.busy)),
    ),
    gauge(
      'tidemark_bitmap_inconsistent',
      'Whether it may have missed writes and can only be removed',
      each((b) => Number(b.inconsistent)),
    ),
    gauge(
      'tidemark_bitmap_recovered_dirty_bytes',
      'Of one that a crash left: what was dirty',
      each((b) => b.recovered?.dirty),
    ),
    gauge(
      'tidemark_bitmap_recovered_whole_region_bytes',
      'Of one that a crash left: what was marked as whole regions, written or not',
      each((b) => b.recovered?.wholeRegions),
    ),
  ];
}

function exportMetrics({ exports, nbd }: BlockGraph): Metric[] {
  const list = exports.list();
  const labelsOf = ({ id, node }: (typeof list)[number]) => ({ export: id, node });
  const counts = list.flatMap((each) =>
    each.counts.map(({ kind, ...count }) => ({ labels: { ...labelsOf(each), kind }, ...count })),
  );
  return [
    gauge('tidemark_nbd_clients', 'NBD clients, whether they have chosen an export or not', [
      { value: nbd.clients },
    ]),
    gauge(
      'tidemark_export_clients',
      'Clients that use it',
      list.map((each) => ({ labels: labelsOf(each), value: each.clients })),
    ),
    counter(
      'tidemark_export_requests_total',
      'Requests that were answered, errors included',
      counts.map(({ labels, requests: value }) => ({ labels, value })),
    ),
    counter(
      'tidemark_export_bytes_total',
      'Bytes of the disk that requests were about',
      counts.map(({ labels, bytes: value }) => ({ labels, value })),
    ),
    counter(
      'tidemark_export_errors_total',
      'Requests that were answered with an error',
      counts.map(({ labels, errors: value }) => ({ labels, value })),
    ),
  ];
}

function jobMetrics({ jobs }: BlockGraph): Metric[] {
  const list = jobs.list();
  const labelsOf = ({ id, type, status }: (typeof list)[number]) => ({ job: id, type, status });
  return [
    gauge('tidemark_jobs', 'Jobs that are there', [{ value: list.length }]),
    gauge(
      'tidemark_job_done_bytes',
      'What a job has done',
      list.map((job) => ({ labels: labelsOf(job), value: job.work.progress.current })),
    ),
    gauge(
      'tidemark_job_total_bytes',
      'What a job has to do in all',
      list.map((job) => ({ labels: labelsOf(job), value: job.work.progress.total })),
    ),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: 'gauge', samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: 'counter', samples };
}
