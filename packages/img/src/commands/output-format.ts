import { ImgFailure } from '../failure.ts';

export type OutputFormat = 'human' | 'json';

/** @throws USAGE */
export function outputFormat(text: string): OutputFormat {
  if (text === 'human' || text === 'json') return text;
  throw new ImgFailure('--output must be used with human or json as argument.');
}
