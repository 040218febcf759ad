import { Sandbox } from './sandbox.ts';
import { type CommandStep, patternOf, type Step } from './steps.ts';

/** A command of a page, and what came of it. */
export interface Ran {
  readonly step: CommandStep;
  readonly printed: string;
  readonly code: number;
  /** Whether the page tells the truth of it. */
  readonly isTrue: boolean;
}

/** Runs all that a page shows, in a folder of its own. */
export async function runPage(steps: readonly Step[], folder: string): Promise<readonly Ran[]> {
  const sandbox = new Sandbox(folder);
  const all: Ran[] = [];
  try {
    for (const step of steps) {
      if (step.kind === 'file') sandbox.write(step.path, step.text);
      else all.push(await runStep(sandbox, step));
    }
  } finally {
    sandbox.close();
  }
  return all;
}

async function runStep(sandbox: Sandbox, step: CommandStep): Promise<Ran> {
  const { output } = step;
  const pattern = output === undefined ? /^/ : patternOf(output);
  const { code, printed } = await sandbox.run(step.command, (text) => pattern.test(text));
  // What shows a failure says so in what it prints.
  const mayFail = output !== undefined && output.length > 0;
  return { step, printed, code, isTrue: pattern.test(printed) && (code === 0 || mayFail) };
}
