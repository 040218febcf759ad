// npm run demo: the whole story once, with the programs as a user has them. No root, no QEMU needed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Story } from './story.ts';
import { crossCheck } from './cross-check.ts';
import { makeDrives, type DemoDrive } from './drives.ts';
import { serveAndKill, serveAndWrite } from './serve.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-demo-'));
const story = new Story();

try {
  await tell();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function tell(): Promise<void> {
  story.chapter('Two drives of 1 GiB: one raw, with a sidecar beside it, and one qcow2');
  const drives = await makeDrives(folder);
  for (const { path, format } of drives)
    await story.show('tidemark', ['bitmap', 'add', path, 'nightly', '--format', format]);

  story.chapter('tidemarkd serves both over NBD and records every write');
  await story.timed('wrote 48 MiB to each', () =>
    serveAndWrite(drives, folder, { seed: 1, first: true }),
  );

  story.chapter('A full backup of each; it begins the bitmap anew');
  for (const drive of drives) await backUp(drive);

  story.chapter(
    'The daemon is killed in the middle of a burst of writes, without a chance to save',
  );
  const answered = await serveAndKill(drives, folder);
  for (const [index, { format }] of drives.entries()) {
    story.say(`kill -9 after ${answered[index]} writes to the ${format} drive were answered`);
  }

  story.chapter('The bitmaps are whole: they hold every write, and perhaps a little more');
  for (const { path } of drives) {
    await story.show('tidemark', ['bitmap', 'list', path]);
    await story.show('tidemark', ['bitmap', 'dump', path, 'nightly', '--map']);
  }

  story.chapter('The next backup of each is an increment all the same');
  for (const drive of drives) {
    const printed = await backUp(drive);
    if (!printed.includes(': incremental,')) throw new Error('this backup had to be an increment');
  }
  for (const { backups } of drives) await story.show('tidemark', ['repo', 'list', backups]);

  story.chapter('Restored from full and increment, and compared: nothing was lost');
  for (const drive of drives) await restoreAndCompare(drive);

  story.chapter('What QEMU says of the same files');
  await crossCheck(story, drives);
  story.end();
}

async function backUp({ path, backups, format }: DemoDrive): Promise<string> {
  return story.timed('', () =>
    story.show('tidemark', ['backup', path, backups, '--bitmap', 'nightly', '--format', format]),
  );
}

async function restoreAndCompare(drive: DemoDrive): Promise<void> {
  await story.show('tidemark', ['restore', drive.backups, drive.restored]);
  const [before, after] = [await drive.digest(drive.path), await drive.digest(drive.restored)];
  story.say(`drive    sha256 ${before}`);
  story.say(`restored sha256 ${after}`);
  if (before !== after)
    throw new Error(`the restored ${drive.format} drive differs from the drive`);
  story.good('equal');
}
