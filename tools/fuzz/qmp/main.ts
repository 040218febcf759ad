// Clients send requests, right and wrong, and noise, cut anywhere, to a daemon that is built.
//   pnpm fuzz:qmp --requests 10000 --clients 5 --seed 1
import { parseArgs } from 'node:util';
import { fuzzQmp } from './run.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    clients: { type: 'string', default: '5' },
    seed: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
console.error(`seed ${seed}`);
const [requests, clients] = [Number(values.requests), Number(values.clients)];
const problems = await fuzzQmp({ requests, clients, seed });
console.log(JSON.stringify({ requests, clients, seed, problems }, null, 2));
if (problems.length > 0) process.exitCode = 1;
