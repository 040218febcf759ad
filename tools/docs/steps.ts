import { type Block, blocksOf } from './blocks.ts';

/** A file that a page shows: it is there for what follows. */
interface FileStep {
  readonly kind: 'file';
  readonly path: string;
  readonly text: string;
}

/** What a page runs. */
export interface CommandStep {
  readonly kind: 'command';
  readonly command: string;
  /** What it has to print; undefined where the page does not show that, and it has to succeed. */
  readonly output: readonly string[] | undefined;
  /** Index in the page of the line behind the command. */
  readonly start: number;
}

export type Step = FileStep | CommandStep;

/** A block of commands that says in its first line why it is not run: `# not run here: REASON`. */
export const NOT_RUN = /^# not run here: (.+)$/;

/**
 * What a page does, in order. ```console: commands behind `$`, and what each prints, where `…` is anything
 * within a line, or any lines where it is alone. ```sh, and comments `<!-- run`: a script that succeeds.
 * A block with a path behind its language is that file.
 */
export function stepsOf(markdown: string): readonly Step[] {
  return blocksOf(markdown).flatMap((block): readonly Step[] => {
    if (block.path !== '')
      return [{ kind: 'file', path: block.path, text: `${block.lines.join('\n')}\n` }];
    if (block.lang === 'console') return consoleSteps(block);
    if (block.lang !== 'run' && block.lang !== 'sh') return [];
    if (NOT_RUN.test(block.lines[0] ?? '')) return [];
    const command = `set -e\n${block.lines.join('\n')}`;
    return [{ kind: 'command', command, output: undefined, start: block.start }];
  });
}

function consoleSteps({ lines, start }: Block): readonly CommandStep[] {
  const steps: { kind: 'command'; command: string; output: string[]; start: number }[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]!;
    if (line.startsWith('$ ')) {
      let command = line.slice(2);
      while (lines[index]!.endsWith('\\')) command += `\n${lines[(index += 1)]!}`;
      steps.push({ kind: 'command', command, output: [], start: start + index + 1 });
    } else if (steps.length === 0) throw new Error(`line ${start + index + 1}: no command before`);
    else steps.at(-1)!.output.push(line);
  }
  return steps;
}

/** Matches what a step has to print. */
export function patternOf(output: readonly string[]): RegExp {
  const lines = output.map((line) =>
    line === '…' ? '(?:.*\\n)*' : `${line.split('…').map(escape).join('.*')}\\n`,
  );
  return new RegExp(`^${lines.join('')}$`);
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
