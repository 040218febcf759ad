/** A command of a page, and what it prints there. */
export interface ConsoleStep {
  readonly command: string;
  /** Lines; `…` stands for anything within one, and for any lines where it is alone. */
  readonly output: readonly string[];
}

/** The steps of a page's ```console blocks, in order. */
export function consoleSteps(markdown: string): readonly ConsoleStep[] {
  const steps: { command: string; output: string[] }[] = [];
  for (const [, block] of markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)) {
    for (const line of block!.trimEnd().split('\n')) {
      if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: [] });
      else steps.at(-1)!.output.push(line);
    }
  }
  return steps;
}

/** Matches what a step prints. */
export function patternOf({ output }: ConsoleStep): RegExp {
  const lines = output.map((line) =>
    line === '…' ? '(?:.*\\n)*' : `${line.split('…').map(escape).join('.*')}\\n`,
  );
  return new RegExp(`^${lines.join('')}$`);
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
