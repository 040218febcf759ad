import { Census } from './census.ts';
import { imageSetting } from './image-setting.ts';
import type { SectorDevice } from './sectors.ts';
import { Run } from './run.ts';
import type { MakeSetting } from './setting.ts';

export interface ExplorerOptions {
  readonly seed: number;
  readonly steps: number;
  /** Percent of moments at which power cuts are looked at. */
  readonly cuts: number;
  /** Where the drive and its bitmaps are. Default: a qcow2 image. */
  readonly setting?: MakeSetting;
  /** Counts what is found. Default: a new one. */
  readonly census?: Census;
  /** Judges the file that holds the bitmaps after a power cut in its own way, too. */
  readonly judge?: (bitmapFile: SectorDevice) => Promise<readonly string[]>;
}

export interface ExplorerResult {
  readonly census: Census;
  readonly problems: readonly string[];
}

/**
 * A drive with live bitmaps, on disks with volatile caches, under random writes and changes of
 * bitmaps. At random moments it looks at what power cuts would leave; now and then the process dies
 * or the power fails, and the run goes on with what is left.
 */
export async function explore(options: ExplorerOptions): Promise<ExplorerResult> {
  const census = options.census ?? new Census();
  const run = new Run({ setting: imageSetting, ...options, census });
  await run.begin();
  for (let step = 0; step < options.steps && run.problems.length === 0; step++) await run.step();
  await run.finish();
  return { census, problems: run.problems };
}
