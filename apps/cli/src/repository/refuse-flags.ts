import { TidemarkError } from '@tidemark/core';

const OF_REPOSITORIES: Readonly<Record<string, string>> = {
  with: '--with',
  bitmaps: '--bitmaps',
  differential: '--differential',
  rate: '--rate',
  scratch: '--scratch',
  begins: '--begins',
  range: '--range',
  passphraseFile: '--passphrase-file',
  keyFile: '--key-file',
};

/** A directory of restore points of one drive can do less. @throws USAGE */
export function refuseRepositoryFlags(place: string, flags: object): void {
  for (const [name, value] of Object.entries(flags)) {
    const flag = OF_REPOSITORIES[name];
    if (flag === undefined || value === undefined) continue;
    throw new TidemarkError(
      'USAGE',
      `${flag} is of repositories, and there is none in '${place}'`,
      {
        where: place,
        hint: `tidemark repo create ${place} makes one`,
      },
    );
  }
}
