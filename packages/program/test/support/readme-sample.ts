import { TidemarkError } from '@tidemark/core';
import { exitCodeOf, formatSize, parseSize, printable } from '@tidemark/program';

console.log(parseSize('64k'), formatSize(3 * 2 ** 29));
console.log(printable('an image may be called \u001b[2J'));
console.log(exitCodeOf(new TidemarkError('LOCKED', 'somebody writes it')));
