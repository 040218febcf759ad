import type { BitmapStore } from '@tidemark/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { create, LEFT, Sessions, writing } from './support/sessions.ts';

const LIVE = { live: true };

let at: Sessions;

beforeEach(async () => {
  at = await Sessions.begin();
  await at.commit(create('a'), create('off', false));
});

async function record(store: BitmapStore): Promise<void> {
  await writing(store, () => at.drive.write());
}

/** A session that has written, and that was quiet for so many milliseconds when it was killed. */
async function killedAfter(quiet: number): Promise<void> {
  await at.crash(async (store) => {
    await store.acquire(['a'], LIVE);
    await record(store);
    await at.pass(quiet);
  });
}

describe('a session whose drive is not written for a second', () => {
  it('says how the drive is, after all that was written to it is durable', async () => {
    at.drive.asked.length = 0;
    await killedAfter(1500);
    expect(await at.said()).toMatchObject({
      state: 'idle',
      leaseUntil: 0n,
      drive: at.drive.known,
      liveEntries: [0],
    });
    expect(at.drive.asked.at(-1)).toBe('durable');
  });

  it('does not do so before', async () => {
    await killedAfter(500);
    expect(await at.said()).toMatchObject({ state: 'busy' });
  });

  it('leaves its bitmaps to be recovered at any time after a crash', async () => {
    await killedAfter(1500);
    at.drive.now += 1_000_000_000;
    at.notices.length = 0;
    expect(await at.rules()).toEqual({ a: 'stored', off: 'stored' });
    expect(at.notices).toEqual([expect.stringContaining("'a' holds all that was written")]);
    // Nor does a clock that was set back matter.
    at.drive.now -= 2_000_000_000;
    expect(await at.rules()).toEqual({ a: 'stored', off: 'stored' });
  });

  it('leaves none to trust when the drive is written at once after a crash', async () => {
    await killedAfter(1500);
    at.drive.write();
    expect(await at.rules()).toEqual({ a: 'mtime', off: 'mtime' });
  });

  it('leaves them to another one that may be going on', async () => {
    await killedAfter(1500);
    expect(await at.states({ isShared: true })).toEqual({ a: LEFT, off: 'stored' });
  });

  it('is busy again, durably, before the next write', async () => {
    await at.crash(async (store) => {
      await store.acquire(['a'], LIVE);
      await record(store);
      await at.pass(1500);
      expect(store.live!.lease!.allowsWrite()).toBe(false);
      await writing(store, async () => {
        expect(await at.said()).toMatchObject({ state: 'busy' });
        at.drive.write();
      });
    });
    expect(await at.rules()).toEqual({ a: 'stored', off: 'stored' });
  });

  it('is not at rest while a write is under way, however long it takes', async () => {
    await at.run(async (store) => {
      await store.acquire(['a'], LIVE);
      await writing(store, async () => {
        await at.pass(5000);
        expect(await at.said()).toMatchObject({ state: 'busy' });
        at.drive.write();
      });
    });
  });

  it('does not come to rest when a write begins while it is about to', async () => {
    await at.run(async (store) => {
      await store.acquire(['a'], LIVE);
      await record(store);
      const facts = at.drive.facts.bind(at.drive);
      let written: Promise<void> | undefined;
      at.drive.facts = async (options) => {
        const found = await facts(options);
        if (options?.durable) written ??= record(store);
        return found;
      };
      await at.pass(1000);
      await written;
      expect(written).toBeDefined();
      expect(await at.said()).toMatchObject({ state: 'busy' });
      at.drive.facts = facts;
      await at.pass(2000);
      expect(await at.said()).toMatchObject({ state: 'idle', drive: at.drive.known });
    });
  });

  it('goes on as busy where the drive cannot be made durable', async () => {
    await at.run(async (store) => {
      await store.acquire(['a'], LIVE);
      await record(store);
      at.drive.failure = new Error('EIO');
      await at.pass(3000);
      expect(await at.said()).toMatchObject({ state: 'busy' });
      at.drive.failure = undefined;
      await record(store);
    });
  });

  it('costs steady writes nothing: the drive is not synced for it', async () => {
    await at.run(async (store) => {
      await store.acquire(['a'], LIVE);
      at.drive.asked.length = 0;
      for (let write = 0; write < 100; write++) {
        await record(store);
        at.drive.now -= 500;
        await at.pass(100);
      }
      expect(at.drive.asked).not.toContain('durable');
    });
  });

  it('vouches for no bitmap that was given up, where it came to rest as a change ended', async () => {
    await at.run(
      async (store) => {
        await store.acquire(['a'], LIVE);
        await record(store);
        const write = at.file.write.bind(at.file);
        // So that all writes come this way.
        at.file.writeNow = () => false;
        at.file.write = async (source, offset) => {
          await write(source, offset);
          if (offset > 0) return;
          // The change is made, and nobody has heard of that.
          at.file.write = write;
          await at.pass(2500);
        };
        await store.commit([create('b', false)]);
        expect(await at.said()).toMatchObject({ state: 'idle', liveEntries: [0] });
        const lapsed = store.live!.lease!.lapse();
        await at.pass(20_000);
        await lapsed;
        // From here on nothing is marked.
        at.drive.write();
      },
      { writesDrive: true },
    );
    expect(await at.rules()).toMatchObject({ a: 'mtime' });
  });

  it('can change its bitmaps, and comes to rest again', async () => {
    await at.crash(async (store) => {
      await store.acquire(['a'], LIVE);
      await record(store);
      await at.pass(1500);
      await store.commit([create('b', false)]);
      expect(await at.said()).toMatchObject({ state: 'busy' });
      await at.pass(1500);
      expect(await at.said()).toMatchObject({ state: 'idle' });
    });
    expect(await at.rules()).toEqual({ a: 'stored', off: 'stored', b: 'stored' });
  });
});

describe('the bitmaps of a crashed session', () => {
  it('are not trusted when an older copy of the drive was put back', async () => {
    const before = at.drive.known;
    await at.crash(async (store) => {
      await store.acquire(['a'], LIVE);
      await record(store);
      await store.commit([create('b', false)]);
      await record(store);
    });
    at.drive.known = before;
    expect(await at.rules()).toMatchObject({ a: 'rollback' });
  });

  it('are trusted when a power cut has taken back no more than what was not durable', async () => {
    await at.crash(async (store) => {
      await store.acquire(['a'], LIVE);
      await record(store);
      await store.commit([create('b', false)]);
      const durable = at.drive.known;
      await record(store);
      at.drive.known = durable;
    });
    expect(await at.rules()).toMatchObject({ a: 'stored' });
  });

  it('are trusted when the clock was set back while it wrote', async () => {
    await at.crash(async (store) => {
      await store.acquire(['a'], LIVE);
      await record(store);
      at.drive.now -= 600_000;
      await record(store);
    });
    expect(await at.rules()).toMatchObject({ a: 'stored' });
  });
});

describe('live bitmaps of a block device', () => {
  beforeEach(async () => {
    at = await Sessions.begin();
    at.drive.beBlockDevice();
    await at.commit(create('a'));
  });

  it('are recovered after a crash at rest', async () => {
    await killedAfter(1500);
    expect(await at.rules()).toEqual({ a: 'stored' });
    at.drive.write();
    expect(await at.rules()).toEqual({ a: 'counter' });
  });

  it('are not after a crash in the midst of writing, for nothing tells who else wrote', async () => {
    await killedAfter(500);
    expect(await at.states()).toEqual({
      a: expect.stringContaining('who wrote it since is not known'),
    });
    expect(await at.rules()).toEqual({ a: 'lease' });
  });

  it('cannot be had where the system does not count what is written', async () => {
    const { counters: _, ...disk } = Object(at.drive.known);
    at.drive.known = disk;
    await at.run(async (store) => expect(store.live).toBeUndefined());
  });

  it('are judged when all that anybody has written was counted', async () => {
    at.drive.asked.length = 0;
    await at.rules();
    expect(at.drive.asked).toEqual(['now', 'durable']);
  });
});
