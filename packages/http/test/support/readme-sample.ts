import { HttpProblem, type HttpService, startHttpServer } from '@tidemark/http';
import { TidemarkClient } from '@tidemark/http/client';

// What a daemon does with its drives. Here: one, which nobody can change.
const service: HttpService = {
  service: () => ({
    version: '1.0.0',
    startedAt: new Date().toISOString(),
    ready: true,
    problems: [],
  }),
  drives: async () => [
    {
      name: 'vm',
      driver: 'raw',
      size: 2 ** 30,
      writable: false,
      bitmaps: [],
      warnings: [],
      writes: { requests: 0, bytes: 0, requestsPerSecond: 0, bytesPerSecond: 0 },
      exports: [],
    },
  ],
  exports: () => ({ clients: 0, exports: [] }),
  jobs: () => [],
  points: async () => ({ points: [], problems: [] }),
  map: () => Promise.reject(new HttpProblem(404, 'NOT_FOUND', 'there is no map')),
  cancelJob: () => Promise.reject(new HttpProblem(404, 'NOT_FOUND', 'there is no job')),
  addBitmap: () => Promise.reject(new HttpProblem(409, 'CONFLICT', 'it is read-only')),
  removeBitmap: () => Promise.reject(new HttpProblem(409, 'CONFLICT', 'it is read-only')),
  changeBitmap: () => Promise.reject(new HttpProblem(409, 'CONFLICT', 'it is read-only')),
};

const server = await startHttpServer({
  listen: { host: '127.0.0.1', port: 0 },
  service,
  token: 'correct-horse-battery',
  log: console.error,
});
const client = new TidemarkClient({ url: server.address, token: 'correct-horse-battery' });
for (const { name, size } of await client.drives()) console.log(name, size);
for await (const { jobs } of client.events()) {
  console.log(jobs.length, 'jobs');
  break;
}
const stranger = new TidemarkClient({ url: server.address });
console.log(await stranger.drives().catch((error: Error) => error.message));
await server.close();
