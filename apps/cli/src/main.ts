#!/usr/bin/env node
import { lookAhead } from '@tidemark/block/look-ahead';
import { fileOnDisk, keptRequire } from '@tidemark/program';
import { IMG_COMMANDS } from './img-commands.ts';
import type { ImgProgram } from './img-program.ts';
import { looksForWriters } from './looking.ts';

const load = keptRequire(fileOnDisk, __filename, require);
const rest = (): typeof import('./start.ts') => load('./start.js');

// Of nobody that is started from here.
const { TIDEMARK_HELD: held } = process.env;
delete process.env['TIDEMARK_HELD'];

const words = process.argv.slice(2);
const locks = looksForWriters(words) ? lookAhead() : undefined;
const [command, ...others] = words;
const step = command === 'img' ? IMG_COMMANDS.find((name) => name === others[0]) : undefined;
if (step === undefined) {
  void rest().start(import.meta.url, words, locks);
} else {
  const { run }: { readonly run: ImgProgram } = load(`./img/${step}.js`);
  void run(import.meta.url, others, { locks, held, rest });
}
