import type * as v from 'valibot';
import { Bitmap, Drive, DriveMap, Drives, MapQuery, NewBitmap } from './schemas/drive.ts';
import { Exports, Jobs, Points, Service, Snapshot } from './schemas/service.ts';

export const BASE = '/api/v1';

/** A request that is answered, said once: the server, the description and the tests go by it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `BASE`; `{name}` stands for a segment. */
  readonly path: string;
  readonly summary: string;
  readonly query?: v.GenericSchema;
  readonly body?: v.GenericSchema;
  readonly status: number;
  /** Absent: the answer is empty. */
  readonly answer?: v.GenericSchema;
  readonly isStream?: boolean;
  /** What it may be refused with, besides 400, 401, 403 and 500. */
  readonly refusals?: readonly number[];
}

const CHANGED = { status: 200, answer: Bitmap, refusals: [404, 409] } as const;
const OF_BITMAP = '/drives/{drive}/bitmaps/{bitmap}';

const table = {
  service: { method: 'GET', path: '/service', summary: 'The daemon', status: 200, answer: Service },
  drives: { method: 'GET', path: '/drives', summary: 'All drives', status: 200, answer: Drives },
  drive: {
    method: 'GET',
    path: '/drives/{drive}',
    summary: 'One drive',
    status: 200,
    answer: Drive,
    refusals: [404],
  },
  map: {
    method: 'GET',
    path: '/drives/{drive}/map',
    summary: 'Where a drive is dirty, allocated, and was written lately',
    query: MapQuery,
    status: 200,
    answer: DriveMap,
    refusals: [404],
  },
  addBitmap: {
    method: 'POST',
    path: '/drives/{drive}/bitmaps',
    summary: 'Makes a bitmap',
    body: NewBitmap,
    status: 201,
    answer: Bitmap,
    refusals: [404, 409, 413],
  },
  removeBitmap: {
    method: 'DELETE',
    path: OF_BITMAP,
    summary: 'Removes a bitmap',
    status: 204,
    refusals: [404, 409],
  },
  clear: {
    method: 'POST',
    path: `${OF_BITMAP}/clear`,
    summary: 'Calls all of it clean: what was written before is forgotten',
    ...CHANGED,
  },
  enable: {
    method: 'POST',
    path: `${OF_BITMAP}/enable`,
    summary: 'Makes it record from now on',
    ...CHANGED,
  },
  disable: {
    method: 'POST',
    path: `${OF_BITMAP}/disable`,
    summary: 'Makes it stop recording: it misses what is written from now on',
    ...CHANGED,
  },
  exports: {
    method: 'GET',
    path: '/exports',
    summary: 'What NBD clients find',
    status: 200,
    answer: Exports,
  },
  jobs: { method: 'GET', path: '/jobs', summary: 'All jobs', status: 200, answer: Jobs },
  cancelJob: {
    method: 'POST',
    path: '/jobs/{job}/cancel',
    summary: 'Has a job end before its time',
    status: 202,
    refusals: [404, 409],
  },
  points: {
    method: 'GET',
    path: '/points',
    summary: 'The last restore points in the repositories of the configuration',
    status: 200,
    answer: Points,
  },
  events: {
    method: 'GET',
    path: '/events',
    summary: 'Server-sent events: all of it, at once and after each change, at most once a second',
    status: 200,
    answer: Snapshot,
    isStream: true,
    refusals: [503],
  },
  openapi: { method: 'GET', path: '/openapi.json', summary: 'This description', status: 200 },
} as const satisfies Record<string, Route>;

/** The names of routes, in `ROUTES` and in the operation ids of the OpenAPI description. */
export type RouteId = keyof typeof table;
/** All of the API's routes: what they take and what they answer. */
export const ROUTES: Readonly<Record<RouteId, Route>> = table;
