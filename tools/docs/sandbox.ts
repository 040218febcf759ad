import { spawn } from 'node:child_process';
import { globSync, mkdirSync, openSync, readFileSync, closeSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TIDEMARK, TIDEMARKD } from '../programs.ts';

/** Folders that pages name as an operator would; they lie in the sandbox. */
const FOLDERS = /(?<![\w.$/…])\/(?=(?:srv|run|etc|backups|mnt|shared|var\/lib)(?:\/|\b))/g;
/** Marks the processes of a page, those in the background too. */
const MARK = 'TIDEMARK_DOCS_SANDBOX';

/** Where the commands of a page run: a folder, in which /srv, /run and the like are, too. */
export class Sandbox {
  readonly #folder: string;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(join(folder, 'bin'), { recursive: true });
    const node = process.execPath;
    // By its name, as npm links it: with the first lines of its file.
    const byName = `PATH='${dirname(node)}':"$PATH" exec sh '${TIDEMARK}'`;
    for (const [name, how] of [
      ['tidemark', byName],
      ['tidemarkd', `exec '${node}' '${TIDEMARKD}'`],
    ] as const) {
      writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${how} "$@"\n`, { mode: 0o755 });
    }
  }

  write(path: string, text: string): void {
    const place = join(this.#folder, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, this.#inside(text));
  }

  /**
   * Runs a command to its end. One that stays in the background is waited for until `isReady` likes what it
   * has printed, for half a minute at most.
   */
  async run(
    command: string,
    isReady: (printed: string) => boolean,
  ): Promise<{ code: number; printed: string }> {
    const log = join(this.#folder, 'bin', `${(this.#count += 1)}.log`);
    const output = openSync(log, 'w');
    const child = spawn('bash', ['-c', this.#inside(command)], {
      cwd: this.#folder,
      env: {
        ...process.env,
        PATH: `${this.#folder}/bin:${process.env['PATH']}:/usr/sbin:/sbin`,
        NO_COLOR: '1',
        [MARK]: this.#folder,
      },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    const code = await new Promise<number>((resolve, reject) => {
      child.on('exit', (exit) => resolve(exit ?? 1));
      child.on('error', reject);
    });
    const printed = (): string => this.#outside(readFileSync(log, 'utf8'));
    if (command.endsWith('&'))
      for (let tries = 0; tries < 300 && !isReady(printed()); tries += 1) await sleep(100);
    return { code, printed: printed() };
  }

  /** Ends what the page has left in the background. */
  close(): void {
    for (const path of globSync('/proc/[0-9]*/environ')) {
      try {
        if (readFileSync(path, 'utf8').includes(`${MARK}=${this.#folder}\0`))
          process.kill(Number(path.split('/')[2]), 'SIGKILL');
      } catch {
        // Another user's, or gone meanwhile.
      }
    }
  }

  #inside(text: string): string {
    return text.replaceAll(FOLDERS, `${this.#folder}/`);
  }

  /** As it would stand there without the sandbox. */
  #outside(text: string): string {
    return text.split(this.#folder).reduce((before, after) => {
      FOLDERS.lastIndex = 0;
      return FOLDERS.exec(after)?.index === 0 ? before + after : before + this.#folder + after;
    });
  }
}
