import { TidemarkError } from '@tidemark/core';

/** What comes behind them is mostly a consequence. */
const MOST_TOLD = 20;

/** All that is wrong with a configuration file, with the place of each. */
export class ConfigError extends TidemarkError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[], cause?: unknown) {
    const told = problems.slice(0, MOST_TOLD);
    const others = problems.length - told.length;
    const all = others === 0 ? told : [...told, `and ${others} more`];
    super('USAGE', all.join('; '), {}, cause);
    this.problems = all;
  }
}
