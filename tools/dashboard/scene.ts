import { Random } from '../nbd/random.ts';
import { MockDaemon } from './mock-daemon.ts';
import { MockDrive } from './mock-drive.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const HOUR = 3_600_000;

/** A small host at work: something of everything that the dashboard shows. */
export function sampleDaemon(): MockDaemon {
  const daemon = new MockDaemon();
  const random = new Random(7);
  for (const drive of [web(), database(), mail(), scratch()]) {
    fill(drive, random);
    daemon.drives.set(drive.options.name, drive);
  }
  daemon.jobs = [
    {
      id: 'nightly-db',
      type: 'backup',
      status: 'running',
      drive: 'db-data',
      done: 31 * GIB,
      total: 48 * GIB,
      bytesPerSecond: 182 * MIB,
      secondsLeft: 96,
    },
  ];
  daemon.exports = {
    address: 'unix:/run/tidemark/nbd.sock',
    clients: 3,
    exports: ['web-root', 'db-data', 'mail', 'scratch'].map((name, index) => ({
      id: `export-${name}`,
      drive: name,
      name,
      readOnly: false,
      clients: index < 3 ? 1 : 0,
      bitmaps: index < 2 ? ['nightly'] : [],
      counts: [
        { kind: 'read', requests: 48_211 * (index + 1), bytes: 3.1 * GIB * (index + 1), errors: 0 },
        { kind: 'write', requests: 9034 * (index + 1), bytes: 0.8 * GIB * (index + 1), errors: 0 },
      ],
    })),
  };
  daemon.points = { problems: [], points: restorePoints() };
  return daemon;
}

function web(): MockDrive {
  const drive = new MockDrive({ name: 'web-root', size: 64 * GIB, file: '/srv/vm/web-root.qcow2' });
  drive.addBitmap('nightly');
  drive.addBitmap('hourly', { granularity: 32_768, persistent: false });
  drive.bytesPerSecond = 2.4 * MIB;
  drive.requestsPerSecond = 310;
  return drive;
}

function database(): MockDrive {
  const drive = new MockDrive({
    name: 'db-data',
    size: 2048 * GIB,
    driver: 'raw',
    file: '/dev/vg0/db-data',
    warnings: [
      {
        code: 'RECOVERED_AFTER_CRASH',
        text: 'nightly was taken over after a crash: 48 MiB are dirty because of it',
        bitmap: 'nightly',
      },
    ],
  });
  drive.addBitmap('nightly', {
    busy: true,
    recovered: { dirtyBytes: 640 * MIB, wholeRegionBytes: 48 * MIB },
  });
  drive.bytesPerSecond = 96 * MIB;
  drive.requestsPerSecond = 12_400;
  return drive;
}

function mail(): MockDrive {
  const drive = new MockDrive({
    name: 'mail',
    size: 500 * GIB,
    file: '/srv/vm/mail.qcow2',
    warnings: [
      {
        code: 'BITMAP_INCONSISTENT',
        text: 'weekly may have missed writes and can only be removed; the next backup is full',
        bitmap: 'weekly',
      },
    ],
  });
  drive.addBitmap('nightly');
  drive.addBitmap('weekly', { inconsistent: true, recording: false });
  return drive;
}

function scratch(): MockDrive {
  return new MockDrive({
    name: 'scratch',
    size: 20 * GIB,
    driver: 'raw',
    file: '/srv/vm/scratch.raw',
  });
}

/** Files here and there, and writes that come in places. */
function fill(drive: MockDrive, random: Random): void {
  const { size } = drive.options;
  const now = Date.now();
  let offset = 0;
  while (offset < size * 0.8 && drive.allocated.length < 90) {
    const length = Math.ceil(size * (0.001 + 0.02 * random.next()));
    drive.allocated.push({ offset, length });
    offset += length + Math.ceil(size * 0.012 * random.next());
  }
  for (let spot = 0; spot < 14; spot++) {
    const center = random.next() * size * 0.8;
    for (let write = 0; write < 8; write++) {
      const away = (random.next() - 0.5) * size * 0.02;
      const length = 65_536 * (1 + random.below(Math.ceil(size / GIB)));
      const at = Math.floor(Math.max(0, center + away) / 4096) * 4096;
      const seconds = spot < 5 ? random.below(200) : 400;
      drive.write(at, Math.min(length, size - at), now - seconds * 1000);
    }
  }
}

function restorePoints() {
  const point = (drive: string, hours: number, kind: 'full' | 'incremental', reason: string) => ({
    id: `${drive}-${hours}`,
    repository: '/backup/site-a',
    drive,
    time: new Date(Date.now() - hours * HOUR).toISOString(),
    kind,
    reason,
    size: kind === 'full' ? 64 * GIB : 1.7 * GIB,
    storedBytes: kind === 'full' ? 22 * GIB : 0.9 * GIB,
  });
  return [
    point('web-root', 1, 'incremental', 'since nightly'),
    point('db-data', 25, 'incremental', 'since nightly'),
    point('mail', 26, 'full', 'bitmap weekly is inconsistent'),
    point('web-root', 25, 'incremental', 'since nightly'),
    point('web-root', 49, 'full', 'the chain was full every 30 points'),
  ];
}

/** Twenty drives of 16 TiB, each written all the time: what the frames are measured under. */
export function largeDaemon(): MockDaemon {
  const daemon = new MockDaemon();
  const random = new Random(11);
  for (let index = 1; index <= 20; index++) {
    const name = `drive-${String(index).padStart(2, '0')}`;
    const drive = new MockDrive({ name, size: 16_384 * GIB, file: `/srv/vm/${name}.qcow2` });
    drive.addBitmap('nightly');
    drive.addBitmap('hourly');
    fill(drive, random);
    daemon.drives.set(name, drive);
  }
  return daemon;
}

/** A second of work on each drive, told to all who listen. */
export function work(daemon: MockDaemon, random: Random): void {
  for (const drive of daemon.drives.values()) {
    drive.bytesPerSecond = (5 + 15 * random.next()) * MIB;
    drive.requestsPerSecond = 2000 + random.below(1000);
    for (let write = 0; write < 8; write++) {
      drive.write(Math.floor(random.next() * (drive.options.size - MIB)), MIB);
    }
  }
  daemon.push();
}
