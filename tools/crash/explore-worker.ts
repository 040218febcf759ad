import { parentPort, workerData } from 'node:worker_threads';
import { Census } from '../../packages/tracking/test/explorer/census.ts';
import { explore } from '../../packages/tracking/test/explorer/explorer.ts';
import { BACKING, imageSetting } from '../../packages/tracking/test/explorer/image-setting.ts';
import { QemuJudge } from '../../packages/tracking/test/explorer/qemu-judge.ts';
import { unclosed } from '../../packages/tracking/test/explorer/setting.ts';
import type { SectorDevice } from '../../packages/tracking/test/explorer/sectors.ts';
import { exploreSeveralDrives } from '../../packages/tracking/test/explorer/several-drives.ts';
import { sidecarSetting } from '../../packages/tracking/test/explorer/sidecar-setting.ts';

export type Kind = 'image' | 'sidecar' | 'several drives';
export type Task = { readonly seed: number; readonly kind: Kind } | 'end';

export interface Report {
  readonly problems: readonly string[];
  /** Of disks that differ. */
  readonly hashes: Float64Array;
  readonly looks: number;
  readonly during: Readonly<Record<string, number>>;
  /** Images that QEMU checked, and bitmaps of which it read the bits; told at the end. */
  readonly checked: number;
  readonly compared: number;
}

/** QEMU is asked about one of so many states. */
const EVERY = 97;

const SETTINGS = { image: imageSetting, sidecar: sidecarSetting };
const { checks, sums } = workerData as { readonly checks: number; readonly sums: number };
const judge = new QemuJudge({ every: EVERY, checks, sums, backing: BACKING });

async function report(task: Task): Promise<Report> {
  const found = new Set<number>();
  const census = new Census(found);
  const problems = task === 'end' ? await end() : await run(task, census);
  const { images, sums: compared } = judge.checked;
  return {
    ...{ problems, hashes: Float64Array.from(found), looks: census.looks, during: census.during },
    ...(task === 'end' ? { checked: images, compared } : { checked: 0, compared: 0 }),
  };
}

async function run({ seed, kind }: Exclude<Task, 'end'>, census: Census) {
  try {
    const problems = await explored({ seed, kind }, census);
    return problems.map((problem) => `${kind}: ${problem}`);
  } catch (error) {
    return [`${kind}, seed ${seed}: ${String(error)}`];
  }
}

async function explored({ seed, kind }: Exclude<Task, 'end'>, census: Census) {
  const options = {
    ...{ seed, census },
    judge: (file: SectorDevice) => judge.see(unclosed(file), () => file.sectors.bytes()),
  };
  if (kind === 'several drives') {
    const seen = { made: 0, differing: 0, finished: 0 };
    return exploreSeveralDrives({ ...options, steps: 200, cuts: 20, seen });
  }
  return (await explore({ ...options, steps: 120, cuts: 40, setting: SETTINGS[kind] })).problems;
}

async function end(): Promise<readonly string[]> {
  try {
    return await judge.ask();
  } finally {
    judge.remove();
  }
}

parentPort!.on('message', (task: Task) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- of windows only
  void report(task).then((answer) => parentPort!.postMessage(answer));
});
