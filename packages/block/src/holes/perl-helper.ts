import { getSystemErrorName } from 'node:util';
import { LineProcess } from '../helper/line-process.ts';
import type { HoleMaker, Outcome } from './hole-maker.ts';
import type { DataRuns } from './holes.ts';
import { HOLES_SCRIPT } from './holes-script.ts';

/** The system call fallocate and the ioctl BLKDISCARD, where they were seen to work. */
const NUMBERS: Partial<Record<NodeJS.Architecture, readonly [number, number]>> = {
  x64: [285, 0x1277],
  arm64: [47, 0x1277],
};

const UNSUPPORTED = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL', 'ENOTTY']);

/** What a helper that is gone would answer: ENOSYS. */
const GONE = 'errno 38';

/** `short`: the file ends before the range that was asked for does. */
export type RunsAnswer = DataRuns | 'short' | 'unsupported' | Error;

/** Perl beside us for as long as a file is open: it knows lseek(2) with SEEK_DATA, and syscall. */
export class PerlHelper implements HoleMaker {
  readonly #process: LineProcess | undefined;

  constructor(perl: string, fd: number) {
    const [fallocate, blkdiscard] = NUMBERS[process.arch] ?? [0, 0];
    const args = ['-e', HOLES_SCRIPT, String(fallocate), String(blkdiscard)];
    this.#process = startProcess(perl, args, fd);
  }

  /** Whether it can make holes, besides seeing them. */
  static get makesHoles(): boolean {
    return NUMBERS[process.arch] !== undefined;
  }

  /** It could not be started, or has ended; all is unsupported then. */
  get isGone(): boolean {
    return this.#process?.isGone ?? true;
  }

  async dataRuns(start: number, end: number): Promise<RunsAnswer> {
    const answer = await this.#ask(`data ${start} ${end}`);
    if (answer === 'short') return answer;
    const [verb, upTo, ...bounds] = answer.split(' ').filter((word) => word !== '');
    if (verb === 'ok') return { upTo: Number(upTo), bounds: bounds.map(Number) };
    const outcome = toOutcome(answer);
    return outcome === 'done' ? 'unsupported' : outcome;
  }

  async fallocate(mode: number, offset: number, length: number): Promise<Outcome> {
    return toOutcome(await this.#ask(`fallocate ${mode} ${offset} ${length}`));
  }

  async discard(offset: number, length: number): Promise<Outcome> {
    return toOutcome(await this.#ask(`discard ${offset} ${length}`));
  }

  async close(): Promise<void> {
    await this.#process?.close();
  }

  async #ask(line: string): Promise<string> {
    // A helper that is gone is one that cannot do it: what it did last may or may not be done.
    return (await this.#process?.ask(line).catch(() => undefined)) ?? GONE;
  }
}

function startProcess(program: string, args: readonly string[], fd: number) {
  try {
    return new LineProcess(program, args, fd);
  } catch {
    return undefined;
  }
}

function toOutcome(answer: string): Outcome {
  if (answer === 'ok') return 'done';
  const number = Number(/^errno (\d+)$/.exec(answer)?.[1]);
  if (!(number > 0)) return new Error(`the helper answered '${answer.slice(0, 100)}'`);
  const code = getSystemErrorName(-number);
  if (UNSUPPORTED.has(code)) return 'unsupported';
  return Object.assign(new Error(`${code} from the helper`), { code });
}
