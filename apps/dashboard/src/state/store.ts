import { batch, computed, signal, type Signal } from '@preact/signals';
import { client, onArrival } from '../api/client.ts';
import { Connection, type ConnectionState } from '../api/connection.ts';
import {
  ApiError,
  type Drive,
  type Exports,
  type Job,
  type Points,
  type Service,
  type Snapshot,
} from '@tidemark/http/client';
import { describeChanges } from '../model/changes.ts';
import { RateHistory } from '../model/rate-history.ts';
import { collectNotices } from '../model/warnings.ts';
import { forgetToken, keepToken, readToken } from './session.ts';

export const connection = signal<ConnectionState>({ kind: 'connecting' });
export const service = signal<Service | undefined>(undefined);
export const drives = signal<readonly Drive[]>([]);
export const exportsOf = signal<Exports>({ clients: 0, exports: [] });
export const jobs = signal<readonly Job[]>([]);
export const points = signal<Points>({ points: [], problems: [] });
export const pointsFailure = signal<string | undefined>(undefined);

/** A second of the clock: for what counts time, and for the history of rates. */
export const now = signal(Date.now());
/** What the live region says. */
export const announcement = signal('');

export const live = computed(() => connection.value.kind === 'live');
export const writable = computed(() => service.value?.writable === true && live.value);
export const notices = computed(() =>
  collectNotices(service.value, drives.value, points.value.problems),
);

const driveSignals = new Map<string, Signal<Drive | undefined>>();
const histories = new Map<string, RateHistory>();
/** The rate of all drives together. */
export const totalHistory = new RateHistory();

/** A drive by name: changes only when something of this very drive does. */
export function driveSignal(name: string): Signal<Drive | undefined> {
  let known = driveSignals.get(name);
  if (known === undefined) {
    known = signal<Drive | undefined>(undefined);
    driveSignals.set(name, known);
  }
  return known;
}

export function historyOf(name: string): RateHistory {
  let history = histories.get(name);
  if (history === undefined) {
    history = new RateHistory();
    histories.set(name, history);
  }
  return history;
}

let last: Snapshot | undefined;

function apply(snapshot: Snapshot): void {
  const before = last;
  last = snapshot;
  batch(() => {
    if (before === undefined) announcement.value = `connected, ${snapshot.drives.length} drives`;
    else announce(describeChanges(before, snapshot));
    setChanged(service, snapshot.service);
    setChanged(exportsOf, snapshot.exports);
    setChanged(jobs, snapshot.jobs);
    drives.value = snapshot.drives;
    for (const drive of snapshot.drives) setChanged(driveSignal(drive.name), drive);
    for (const name of driveSignals.keys()) {
      if (!snapshot.drives.some((drive) => drive.name === name)) driveSignals.delete(name);
    }
  });
  const ended = before?.jobs.some((job) => !snapshot.jobs.some((one) => one.id === job.id));
  if (ended === true) void loadPoints();
}

function setChanged<T>(target: Signal<T>, value: T): void {
  if (JSON.stringify(target.peek()) !== JSON.stringify(value)) target.value = value;
}

export function announce(changes: readonly string[]): void {
  if (changes.length > 0) announcement.value = changes.join('; ');
}

async function loadPoints(): Promise<void> {
  try {
    setChanged(points, await client.points());
    pointsFailure.value = undefined;
  } catch (error) {
    // Without the daemon the banner says it all.
    if (error instanceof ApiError) pointsFailure.value = error.message;
  }
}

const link = new Connection(client, onArrival, {
  snapshot: apply,
  state(state) {
    const before = connection.value.kind;
    connection.value = state;
    if (state.kind === 'live' && before !== 'live') void loadPoints();
    if (state.kind === 'lost' && before === 'live')
      announce(['not connected: what is shown is old']);
    if (state.kind === 'live' && before === 'lost') announce(['connected again']);
  },
});

export const reconnect = (): void => link.connect();

export function connectWith(token: string): void {
  keepToken(token);
  link.connect();
}

/** Forgets the token and what was seen with it. */
export function signOut(): void {
  link.stop();
  forgetToken();
  last = undefined;
  batch(() => {
    service.value = undefined;
    drives.value = [];
    jobs.value = [];
    exportsOf.value = { clients: 0, exports: [] };
    points.value = { points: [], problems: [] };
    connection.value = { kind: 'token' };
  });
}

export function start(): void {
  readToken();
  link.connect();
  setInterval(tick, 1000);
  setInterval(() => live.value && void loadPoints(), 60_000);
}

function tick(): void {
  now.value = Date.now();
  if (!live.peek()) return;
  let total = 0;
  for (const drive of drives.peek()) {
    total += drive.writes.bytesPerSecond;
    historyOf(drive.name).push(drive.writes.bytesPerSecond);
  }
  totalHistory.push(total);
}
