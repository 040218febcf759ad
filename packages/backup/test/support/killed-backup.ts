// A backup into the directory argv[2] that is killed at its call number argv[3] to the file system.
import * as nodeFs from 'node:fs/promises';
import { watched } from './memory-files.ts';
import { TrackedDrive } from './tracked-drive.ts';

const [directory, at] = [process.argv[2]!, Number(process.argv[3])];
let calls = 0;
const fs = watched(nodeFs, () => {
  if (++calls === at) process.kill(process.pid, 'SIGKILL');
});

const drive = new TrackedDrive(256 * 1024);
await drive.fill(0, 100_000, 1);
await drive.backup(directory, { fs });
console.log(`done after ${calls} calls`);
