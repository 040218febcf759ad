import { ImgFailure, PROGRAM } from '../failure.ts';
import { parseImgSize } from './parse-size.ts';

const LARGEST = 2n ** 63n - 1n;

/** The value of an option that is a size. @param what it is called in messages. @throws USAGE */
export function sizeOption(text: string, what: string, warn: (text: string) => void): bigint {
  const size = parseImgSize(text);
  if (size === 'out of range' || (size !== 'invalid' && size.bytes > LARGEST)) {
    throw new ImgFailure(`Invalid ${what} specified. Must be between 0 and ${LARGEST}.`);
  }
  if (size === 'invalid') {
    throw new ImgFailure(`Invalid ${what} specified. You may use k, M, G, T, P or E suffixes for`, {
      after: `${PROGRAM}: kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.\n`,
    });
  }
  if (size.isDeprecated) warnOfHex(text, warn);
  return size.bytes;
}

/** The value of a parameter in a list. @throws USAGE */
export function sizeParameter(text: string, name: string, warn: (text: string) => void): bigint {
  const size = parseImgSize(text);
  if (size === 'out of range') {
    throw new ImgFailure(`Value '${text}' is out of range for parameter '${name}'`);
  }
  if (size === 'invalid') {
    throw new ImgFailure(`Parameter '${name}' expects a non-negative number below 2^64`, {
      after:
        'Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n' +
        'and exabytes, respectively.\n',
    });
  }
  if (size.isDeprecated) warnOfHex(text, warn);
  return size.bytes;
}

function warnOfHex(text: string, warn: (text: string) => void): void {
  warn(`${PROGRAM}: warning: Using a multiplier suffix on hex numbers is deprecated: ${text}\n`);
}
