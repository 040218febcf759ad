import { fstatSync } from 'node:fs';
import { FIRST_HANDED_SOCKET, runOnRecentNode, takeHandedSockets } from '../../src/index.ts';

// What the two programs do, with a `main` that shows which Node it runs on.
await runOnRecentNode('program', process.env['MODULE_URL'] ?? import.meta.url, async () => {
  process.stdout.write(`main on ${process.execPath} with ${process.argv.slice(2).join(' ')}\n`);
  if (process.argv.includes('--sockets')) {
    const count = takeHandedSockets();
    const isSocket = count > 0 && fstatSync(FIRST_HANDED_SOCKET).isSocket();
    process.stdout.write(`${count} ${isSocket} ${takeHandedSockets()}\n`);
  }
  if (process.argv.includes('--forget')) await new Promise(() => {});
  if (process.argv.includes('--wait')) {
    const stop = new Promise((resolve) => process.on('SIGTERM', resolve));
    // Keeps the process: a signal handler alone does not.
    const alive = setInterval(() => {}, 60_000);
    process.stdout.write('ready\n');
    await stop;
    clearInterval(alive);
    process.exitCode = 7;
  }
});
