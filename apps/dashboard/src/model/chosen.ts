/** The one of `choices` that is `value`, or the first: what a select's text means. */
export function chosen<T extends string>(choices: readonly [T, ...T[]], value: string): T {
  return choices.find((choice) => choice === value) ?? choices[0];
}
