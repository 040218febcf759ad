/** Samples by name and labels, as they are written: `up{a="b"}`. */
export interface Parsed {
  readonly samples: ReadonlyMap<string, number>;
  readonly types: ReadonlyMap<string, string>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"`;
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (\\S+)$`);
const VALUE = /^(?:[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|[+-]Inf)$/;

/**
 * Reads Prometheus' text format, version 0.0.4, and is stricter than the format: each metric has help
 * and a type before its samples, all of them together, counters are called `_total` and are not
 * negative. @throws what is wrong
 */
export function parseExposition(text: string): Parsed {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  const helped = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const help = new RegExp(`^# HELP (${NAME}) (?:[^\\\\]|\\\\[\\\\n])+$`).exec(line)?.[1];
    if (help !== undefined) {
      if (helped.has(help)) throw new Error(`second help: ${line}`);
      helped.add(help);
      current = help;
      continue;
    }
    const [, typed, type] = new RegExp(`^# TYPE (${NAME}) (counter|gauge)$`).exec(line) ?? [];
    if (typed !== undefined) {
      if (typed !== current || types.has(typed)) throw new Error(`out of place: ${line}`);
      if ((type === 'counter') !== typed.endsWith('_total')) throw new Error(`its name: ${line}`);
      types.set(typed, type!);
      continue;
    }
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (name === undefined || name !== current)
      throw new Error(`no sample of '${current}': ${line}`);
    if (!VALUE.test(value!)) throw new Error(`no number: ${line}`);
    if (types.get(name) === 'counter' && Number(value) < 0) throw new Error(`negative: ${line}`);
    const key = `${name}${labels}`;
    if (samples.has(key)) throw new Error(`twice: ${line}`);
    samples.set(key, Number(value!.replace('Inf', 'Infinity')));
  }
  return { samples, types };
}
