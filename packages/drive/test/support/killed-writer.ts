import { openTrackedDrive } from '@tidemark/tracking';
import { openDrive, openDriveBitmaps } from '../../src/index.ts';

// Writes a raw drive with live bitmaps until it is killed: DRIVE SEED. Says a word for each write.
const [path = '', seed = ''] = process.argv.slice(2);
const BLOCK = 4096;
const WRITERS = 8;

let state = Number(seed);
const random = (below: number) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

const drive = await openDrive(path, { format: 'raw', access: 'write' });
const { store } = await openDriveBitmaps(drive);
const tracked = await openTrackedDrive({
  device: drive.device,
  label: path,
  stores: [store!],
  writable: true,
  durability: 'live',
  marks: { regionSize: 4 * 65_536, maxOpen: 16 * 65_536, idleAfter: 5 },
});
const blocks = drive.device.size / BLOCK;

async function write(): Promise<never> {
  for (;;) {
    const block = random(3) === 0 ? random(16) : random(blocks);
    await tracked.device.write(Buffer.alloc(BLOCK, 1 + random(255)), block * BLOCK);
    if (random(50) === 0) await tracked.device.flush();
    if (random(50) === 0) await tracked.narrow();
    process.stdout.write('.');
  }
}

await Promise.all(Array.from({ length: WRITERS }, write));
