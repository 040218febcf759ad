#!/usr/bin/env node
import { lookAhead } from '@tidemark/block/look-ahead';
import { keepCompiled } from '@tidemark/program';
import { IMG_COMMANDS, LOOKING } from './img-commands.ts';
import type { ImgProgram } from './img-program.ts';

const [command, ...words] = process.argv.slice(2);
const step = command === 'img' ? IMG_COMMANDS.find((name) => name === words[0]) : undefined;
if (step === undefined) {
  keepCompiled();
  // What is loaded from here on is kept.
  const program: typeof import('./start.ts') = require('./start.js');
  void program.start(import.meta.url);
} else {
  const locks = LOOKING.includes(step) ? lookAhead() : undefined;
  keepCompiled();
  const { run }: { readonly run: ImgProgram } = require(`./img/${step}.js`);
  void run(import.meta.url, words, locks);
}
