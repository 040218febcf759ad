import { chmodSync, linkSync, renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { type DriveFacts, type FileFacts, openFileDevice } from '../src/index.ts';
import { FileDevice } from '../src/file/file-device.ts';
import { settledFacts } from '../src/file/settled-facts.ts';
import { NO_HOLES } from '../src/holes/holes.ts';
import { memoryFileSystem } from './support/device-kinds.ts';

const FILE: FileFacts = {
  kind: 'file',
  size: 4096,
  modified: 1_000_000_000_123_000_000n,
  changed: 1_000_000_000_123_000_000n,
  born: 0n,
  inode: 7n,
  device: 8n,
};

describe('the facts of a file', () => {
  const dir = tempDir();
  let count = 0;

  async function newFile() {
    const path = join(dir, `${(count += 1)}.raw`);
    writeFileSync(path, Buffer.alloc(65_536, 1));
    return { path, device: await openFileDevice(path, { writable: true }) };
  }

  /** Which of them an action changes. */
  async function changedBy(act: (file: Awaited<ReturnType<typeof newFile>>) => unknown) {
    const file = await newFile();
    await using device = file.device;
    const before = (await device.facts({ durable: true }))!;
    await act(file);
    const after: DriveFacts = (await device.facts())!;
    return Object.keys(before)
      .filter((key) => Object(before)[key] !== Object(after)[key])
      .sort();
  }

  it('are the same where all is done in the tick of the call', async () => {
    const { path, device } = await newFile();
    await using other = await openFileDevice(path, { waits: true, lock: false });
    expect(await other.facts()).toEqual(await device.facts());
    await device.close();
  });

  const TIMES = ['changed', 'modified'];

  it('tell of every way to change it', async () => {
    expect(await changedBy(({ device }) => device.write(Buffer.alloc(1), 0))).toEqual(TIMES);
    expect(await changedBy(({ device }) => device.writeZeroes(0, 65_536))).toEqual(TIMES);
    expect(await changedBy(({ device }) => device.discard(0, 65_536))).toEqual(TIMES);
    expect(await changedBy(({ path }) => writeFileSync(path, 'x', { flag: 'r+' }))).toEqual(TIMES);
    expect(await changedBy(({ path }) => truncateSync(path, 512))).toEqual([...TIMES, 'size']);
    expect(
      await changedBy(({ path }) => {
        truncateSync(path, 512);
        truncateSync(path, 65_536);
      }),
    ).toEqual(TIMES);
    expect(await changedBy(({ path }) => utimesSync(path, 1, 1))).toEqual(TIMES);
  });

  it('tell a change of the file from one of its name or mode', async () => {
    expect(await changedBy(({ path }) => chmodSync(path, 0o600))).toEqual(['changed']);
    expect(await changedBy(({ path }) => linkSync(path, `${path}.link`))).toEqual(['changed']);
    expect(await changedBy(({ path }) => renameSync(path, `${path}.new`))).toEqual(['changed']);
  });

  it('stay as they are when it is read, flushed, or asked for them', async () => {
    const quiet = ({ device }: Awaited<ReturnType<typeof newFile>>) =>
      Promise.all([device.read(Buffer.alloc(512), 0), device.flush(), device.facts()]);
    expect(await changedBy(quiet)).toEqual([]);
    expect(await changedBy(({ device }) => device.facts({ durable: true }))).toEqual([]);
  });

  it('are those of the open file, and not of another one that takes its name', async () => {
    const { path, device } = await newFile();
    const { path: other, device: second } = await newFile();
    const { inode } = (await device.facts()) as FileFacts;
    renameSync(other, path);
    expect(await device.facts()).toMatchObject({ inode });
    expect(await second.facts()).not.toMatchObject({ inode });
    await device.close();
    await second.close();
    await expect(device.facts()).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
  });

  it('never stay the same over a write that follows at once', async () => {
    const { device } = await newFile();
    let before = await device.facts({ durable: true });
    for (let round = 0; round < 30; round++) {
      await device.write(Buffer.from([round]), 0);
      const after = await device.facts({ durable: true });
      expect(after).not.toEqual(before);
      before = after;
    }
    await device.close();
  });

  it('can be had of a file that is open for reading', async () => {
    const { path, device } = await newFile();
    await device.close();
    await using reader = await openFileDevice(path);
    expect(await reader.facts({ durable: true })).toMatchObject({ kind: 'file', size: 65_536 });
  });

  it('are not known of a file that is not of the system', async () => {
    const options = { writable: true, create: 'exclusive', fs: memoryFileSystem() } as const;
    await using device = await openFileDevice('/a.raw', options);
    expect(await device.facts({ durable: true })).toBeUndefined();
  });
});

describe('durable facts', () => {
  function device(calls: string[], failure?: Error) {
    const note = async (name: string) => void calls.push(name);
    return new FileDevice({
      file: {
        fd: -1,
        read: () => Promise.reject(new Error('not asked for')),
        write: () => Promise.reject(new Error('not asked for')),
        stat: () => Promise.reject(new Error('not asked for')),
        truncate: () => Promise.reject(new Error('not asked for')),
        datasync: () => note('datasync'),
        sync: async () => {
          await note('sync');
          if (failure !== undefined) throw failure;
        },
        close: () => note('close'),
      },
      io: { read: async () => {}, write: async () => {} },
      isTemporary: false,
      holes: NO_HOLES,
      readFacts: async () => {
        await note('facts');
        return FILE;
      },
      size: 4096,
      isResizable: true,
      writable: true,
      label: 'file',
      where: 'file',
    });
  }

  it('come after a sync of the times, too, and others after none', async () => {
    const calls: string[] = [];
    await device(calls).facts({ durable: true });
    expect(calls).toEqual(['sync', 'facts']);
    calls.length = 0;
    await device(calls).facts();
    expect(calls).toEqual(['facts']);
  });

  it('are not given when what was written cannot be made durable, now or ever after', async () => {
    const failing = device([], new Error('EIO'));
    await expect(failing.facts({ durable: true })).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(failing.facts({ durable: true })).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(failing.flush()).rejects.toMatchObject({ code: 'IO_FAILED' });
  });
});

describe('facts that have just changed', () => {
  const NS = 1_000_000n;

  /** Waits that were asked for, and how often the file was looked at. */
  async function settle(facts: DriveFacts, now: number) {
    const waits: number[] = [];
    let reads = 0;
    let time = now;
    await settledFacts(
      async () => {
        reads += 1;
        return facts;
      },
      {
        now: () => time,
        wait: async (milliseconds) => {
          waits.push(milliseconds);
          time += milliseconds;
        },
      },
    );
    return { waits, reads };
  }

  const at = (milliseconds: number, beyond = 1n): FileFacts => {
    const time = BigInt(milliseconds) * NS + beyond;
    return { ...FILE, modified: time, changed: time };
  };

  it('are waited out, so that a change gets another time whatever clock the system has', async () => {
    expect(await settle(at(5000), 5003)).toEqual({ waits: [17], reads: 2 });
    expect(await settle(at(5000), 5020)).toEqual({ waits: [], reads: 1 });
    expect(await settle({ ...at(5000), modified: 0n }, 5003)).toEqual({ waits: [17], reads: 2 });
  });

  it('are waited out for longer where times are whole seconds', async () => {
    expect(await settle(at(5000, 0n), 5100)).toEqual({ waits: [1900], reads: 2 });
  });

  it('are not waited for where they lie in the future, or nothing has a time', async () => {
    expect(await settle(at(9000), 5000)).toEqual({ waits: [], reads: 1 });
    const disk = { kind: 'block device', size: 512, device: 1n } as const;
    expect(await settle(disk, 5000)).toEqual({ waits: [], reads: 1 });
  });

  it('are not waited for without end', async () => {
    let time = 0;
    let reads = 0;
    await settledFacts(
      async () => {
        reads += 1;
        return at(time);
      },
      { now: () => time, wait: async (milliseconds) => void (time += milliseconds) },
    );
    expect(reads).toBe(3);
  });
});
