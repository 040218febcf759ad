/** Words with which a command line begins that looks for writers, and keeps none out at first. */
const LOOKING: readonly (readonly string[])[] = [
  ['img', 'check'],
  ['img', 'info'],
  ['img', 'map'],
  ['img', 'measure'],
  ['img', 'snapshot'],
  ['bitmap', 'list'],
  ['bitmap', 'dump'],
  ['bitmap', 'show'],
  ['info'],
];

/** Whether `lookAhead` is worth its while. */
export function looksForWriters(words: readonly string[]): boolean {
  return LOOKING.some((command) => command.every((word, index) => words[index] === word));
}
