import { runOnRecentNode } from '@tidemark/program';

/** Runs the command line of this process. `moduleUrl`: what Node was started with. */
export function start(moduleUrl: string): Promise<void> {
  return runOnRecentNode('tidemark', moduleUrl, async () => {
    const [command, ...words] = process.argv.slice(2);
    // A disk that has to be waited for is kept busy by many reads; read when the first thread is needed.
    if (command === 'backup') process.env['UV_THREADPOOL_SIZE'] ??= '16';
    // Started for each small step of somebody's script: the rest of the program is not loaded.
    if (command === 'img') {
      const { img } = await import('./commands/img.ts');
      return img(words);
    }
    if (command === 'nbd') {
      const { nbd } = await import('./commands/nbd.ts');
      return nbd(words);
    }
    const { runCli } = await import('./cli.ts');
    return runCli(process.argv.slice(2));
  });
}
