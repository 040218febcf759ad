// A process of its own, started by ../img.ts: makes an image, times the library on it, prints JSON. What
// starts the programs stays small so: a large process takes 20 ms longer to start another one.
import { type BenchImage, makeImage } from './images.ts';
import { type LibraryTimes, libraryTimes } from './library.ts';

export interface ApartTask {
  readonly path: string;
  readonly image: BenchImage;
  readonly rounds: number;
  /** A folder on a disk. */
  readonly disk: string;
}

export interface ApartTimes {
  readonly inMemory: Readonly<Record<string, LibraryTimes>>;
  readonly onDisk: Readonly<Record<string, LibraryTimes>>;
}

const { path, image, rounds, disk }: ApartTask = JSON.parse(process.argv[2]!);
await makeImage(path, image);
const onDisk = await libraryTimes(path, 3, disk);
const times: ApartTimes = { inMemory: await libraryTimes(path, rounds), onDisk };
console.info(JSON.stringify(times));
