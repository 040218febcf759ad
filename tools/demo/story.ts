import { relative } from 'node:path';
import { styleText } from 'node:util';
import { tidemark } from '../programs.ts';

/** Prints what happens as a short story, commands and their output included. */
export class Story {
  readonly #started = performance.now();
  #chapters = 0;

  chapter(title: string): void {
    this.#chapters += 1;
    console.log(`\n${styleText('bold', `${this.#chapters}. ${title}`)}`);
  }

  say(text: string): void {
    console.log(`   ${text}`);
  }

  good(text: string): void {
    this.say(styleText('green', `✔ ${text}`));
  }

  /** Runs tidemark and prints the command with what it printed. Throws where it fails. */
  async show(program: 'tidemark', args: readonly string[]): Promise<string> {
    const shown = args.map((arg) => (arg.startsWith('/') ? relative(folderOf(arg), arg) : arg));
    this.say(styleText('dim', `$ ${program} ${shown.join(' ')}`));
    const { code, stdout, stderr } = await tidemark(...args);
    for (const line of stdout.trimEnd().split('\n')) this.say(line);
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${stderr}`);
    return stdout;
  }

  async timed<T>(what: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const result = await work();
    const seconds = ((performance.now() - started) / 1000).toFixed(2);
    this.say(styleText('dim', what === '' ? `(${seconds} s)` : `${what} in ${seconds} s`));
    return result;
  }

  end(): void {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1);
    console.log(
      `\n${styleText(['bold', 'green'], `Done in ${seconds} s.`)} Nothing is left behind.`,
    );
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
