import { readFileSync } from 'node:fs';
import { EXIT_CODES } from '@tidemark/program';
import { describe, expect, it } from 'vitest';
import { describeWithQemu, run } from '../qemu.ts';
import { referencePages } from './pages.ts';

const root = new URL('../../', import.meta.url);
const pages = await referencePages();
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

describe('reference pages', () => {
  it.each(pages)('$path is what the programs say (else: pnpm reference)', (page) => {
    expect(read(page.path)).toBe(page.text);
  });

  it('explain each error code under a heading, with its exit code', () => {
    const text = read('docs/reference/errors.md');
    const listed = [...text.matchAll(/^## ([A-Z_]+)\n\nExit code (\d+)\. \S/gm)];
    expect(Object.fromEntries(listed.map(([, code, exit]) => [code, Number(exit)]))).toEqual(
      EXIT_CODES,
    );
  });
});

describeWithQemu('man pages', ['nroff'], () => {
  it.each(['apps/cli/man/tidemark.1', 'apps/daemon/man/tidemarkd.8'])(
    '%s has all its lines when it is formatted',
    async (path) => {
      // Without colours and overstriking, so that lines can be compared.
      const format = 'GROFF_NO_SGR=1 nroff -man -Tascii "$0" | sed "s/.\\x08//g"';
      const printed = await run('sh', '-c', format, new URL(path, root).pathname);
      const lines = new Set(printed.split('\n').map((line) => line.trim()));
      const page = pages.find(
        (one) => one.path === path.replace(/.*man.(.*)\..$/, 'docs/reference/$1.md'),
      );
      const said = page!.text
        .split('```')
        .filter((_, index) => index % 2 === 1)
        .join('\n');
      const missing = said
        .replaceAll(/^text$/gm, '')
        .split('\n')
        .filter((line) => !lines.has(line.trim()));
      expect(missing).toEqual([]);
    },
  );
});
