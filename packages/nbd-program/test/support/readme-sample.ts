import { runNbd } from '@tidemark/nbd-program';

const code = await runNbd(['-L', '-k', '/nowhere/nbd.sock'], {
  out: (text) => console.log(text),
  err: (text) => console.log(text),
  version: () => '1.0.0',
  // For --fork: how Node starts this program anew.
  restart: [process.argv[1] ?? ''],
});
console.log(code);
