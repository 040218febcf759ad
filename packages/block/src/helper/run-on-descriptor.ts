import { spawn, spawnSync, type StdioOptions } from 'node:child_process';

/** Nothing of our environment: locale warnings and PERL5OPT have no say in a helper's work. */
export const HELPER_ENVIRONMENT = { LC_ALL: 'C' };

/** How a program ended: the exit code, or null after a signal or when it could not be started. */
export interface Ended {
  readonly code: number | null;
  /** The first bytes of standard error, for the cause of an error. */
  readonly stderr: string;
}

const MAX_STDERR = 4096;

/**
 * Runs a short program that has the open file `fd` as its descriptor 3. Never rejects.
 * @param waits in the tick of the call, which takes less of Node
 */
export async function runOnDescriptor(
  program: string,
  args: readonly string[],
  fd: number,
  waits = false,
): Promise<Ended> {
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', fd];
  const options = { stdio, env: HELPER_ENVIRONMENT, cwd: '/' };
  return waits ? runNow(program, args, options) : runMeanwhile(program, args, options);
}

interface RunOptions {
  readonly stdio: StdioOptions;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

function runNow(program: string, args: readonly string[], options: RunOptions): Ended {
  const { status, stderr, error } = spawnSync(program, args, { ...options, encoding: 'utf8' });
  if (error !== undefined) return { code: null, stderr: error.message };
  return { code: status, stderr: stderr.slice(0, MAX_STDERR) };
}

async function runMeanwhile(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Ended> {
  try {
    const child = spawn(program, args, options);
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(0, MAX_STDERR);
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { code, stderr };
  } catch (error) {
    return { code: null, stderr: error instanceof Error ? error.message : String(error) };
  }
}
