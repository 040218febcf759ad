import { describe, expect, it } from 'vitest';
import type { Bitmap, Drive, Snapshot } from '@tidemark/http/client';
import { nextDelay } from '../src/model/backoff.ts';
import { describeChanges } from '../src/model/changes.ts';
import { chosen } from '../src/model/chosen.ts';
import { RateHistory, sparkline } from '../src/model/rate-history.ts';
import { SORT_KEYS, sortDrives } from '../src/model/sort-drives.ts';
import { collectNotices } from '../src/model/warnings.ts';

const bitmap = (name: string, change: Partial<Bitmap> = {}): Bitmap => ({
  name,
  granularity: 65_536,
  dirtyBytes: 0,
  recording: true,
  persistent: true,
  busy: false,
  inconsistent: false,
  ...change,
});

const drive = (name: string, change: Partial<Drive> = {}): Drive => ({
  name,
  driver: 'raw',
  size: 2 ** 30,
  writable: true,
  bitmaps: [],
  warnings: [],
  writes: { requests: 0, bytes: 0, requestsPerSecond: 0, bytesPerSecond: 0 },
  exports: [],
  ...change,
});

const snapshot = (drives: Drive[], jobs: Snapshot['jobs'] = []): Snapshot => ({
  service: { version: '1', startedAt: '', ready: true, problems: [], writable: true },
  drives,
  exports: { clients: 0, exports: [] },
  jobs,
});

const lost = { code: 'BITMAP_INCONSISTENT', text: 'b may have missed writes', bitmap: 'b' };

describe('waiting before the next attempt', () => {
  it('grows up to 15 seconds, and is spread', () => {
    const delays = [0, 1, 2, 3, 4, 5, 100].map((failures) => nextDelay(failures, () => 0.5));
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    expect(nextDelay(3, () => 0)).toBeLessThan(nextDelay(3, () => 1));
  });
});

describe('warnings', () => {
  it('have the worst first, each with its drive', () => {
    const drives = [
      drive('a', { warnings: [{ code: 'RECOVERED_AFTER_CRASH', text: 'recovered' }] }),
      drive('b', { warnings: [lost, { code: 'NEW_KIND', text: 'of a later daemon' }] }),
    ];
    const notices = collectNotices(snapshot(drives).service, drives, ['repository x is not there']);
    expect(notices.map(({ severity, drive: where }) => [severity, where])).toEqual([
      ['danger', 'b'],
      ['caution', 'a'],
      ['caution', 'b'],
      ['caution', undefined],
    ]);
    expect(notices[2]!.title).toBe('NEW_KIND');
  });
});

describe('what is said aloud', () => {
  it('are things that come and go, not counters', () => {
    const before = snapshot([drive('a', { bitmaps: [bitmap('x'), bitmap('y')] })]);
    const after = snapshot([
      drive('a', {
        bitmaps: [bitmap('x', { recording: false, dirtyBytes: 7 }), bitmap('z')],
        warnings: [lost],
      }),
    ]);
    expect(describeChanges(before, after)).toEqual([
      'bitmap z added on a',
      'bitmap y removed on a',
      'bitmap x on a stopped',
      'warning on a: b may have missed writes',
    ]);
    expect(describeChanges(after, after)).toEqual([]);
  });

  it('is one sentence where much changes at once', () => {
    const many = Array.from({ length: 20 }, (_, index) => drive(`drive-${index}`));
    expect(describeChanges(snapshot([]), snapshot(many))).toEqual([
      '20 changes on the drives and jobs',
    ]);
  });

  it('are jobs that begin, end and fail', () => {
    const job = {
      id: 'j',
      type: 'backup',
      status: 'running',
      done: 0,
      total: 1,
      bytesPerSecond: 0,
    };
    expect(describeChanges(snapshot([]), snapshot([], [job]))).toEqual(['job j started']);
    expect(describeChanges(snapshot([], [job]), snapshot([]))).toEqual(['job j ended']);
    const failed = { ...job, error: 'no room' };
    expect(describeChanges(snapshot([], [job]), snapshot([], [failed]))).toEqual([
      'job j failed: no room',
    ]);
  });
});

describe('the list of drives', () => {
  const busy = { requests: 1, bytes: 1, requestsPerSecond: 1, bytesPerSecond: 1e6 };
  const drives = [
    drive('vm-10', { bitmaps: [bitmap('x', { dirtyBytes: 5 })] }),
    drive('vm-9', { warnings: [lost], file: '/srv/mail.raw' }),
    drive('vm-2', { writes: busy, bitmaps: [bitmap('x', { dirtyBytes: 9, inconsistent: true })] }),
  ];

  it('is sorted by what is asked for, then by name as people count', () => {
    expect(sortDrives(drives, 'name', '')).toEqual(['vm-2', 'vm-9', 'vm-10']);
    expect(sortDrives(drives, 'warnings', '')[0]).toBe('vm-9');
    expect(sortDrives(drives, 'writes', '')[0]).toBe('vm-2');
    // What an inconsistent bitmap says counts for nothing.
    expect(sortDrives(drives, 'dirty', '')[0]).toBe('vm-10');
  });

  it('is filtered by names, files and bitmaps', () => {
    expect(sortDrives(drives, 'name', ' MAIL ')).toEqual(['vm-9']);
    expect(sortDrives(drives, 'name', 'nothing')).toEqual([]);
  });

  it('takes what a select says only if it is a choice', () => {
    expect(chosen(SORT_KEYS, 'dirty')).toBe('dirty');
    expect(chosen(SORT_KEYS, 'other')).toBe('warnings');
  });
});

describe('the line of a rate', () => {
  it('keeps the last values, and ends at the right', () => {
    const history = new RateHistory(3);
    for (const value of [9, 1, 2, 4]) history.push(value);
    expect(history.values).toEqual([1, 2, 4]);
    expect(sparkline(history, 3, 100, 20)).toEqual([
      [0, 15],
      [50, 10],
      [100, 0],
    ]);
  });

  it('lies at the bottom where nothing is written', () => {
    const history = new RateHistory(3);
    history.push(0);
    expect(sparkline(history, 3, 100, 20)).toEqual([[100, 20]]);
  });
});
