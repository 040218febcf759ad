import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../apps/daemon/src/config/document.ts';
import { checkConfig } from '../../apps/daemon/src/config/load-config.ts';
import { sh } from '../qemu.ts';
import { type Block, blocksOf } from './blocks.ts';
import { docPages, ROOT } from './pages.ts';

interface Sample extends Block {
  readonly page: string;
  readonly text: string;
}

const blocks: readonly Sample[] = docPages().flatMap(({ path, text }) =>
  blocksOf(text).map((block) => ({ ...block, page: path, text: `${block.lines.join('\n')}\n` })),
);
const of = (lang: string): readonly Sample[] => blocks.filter((block) => block.lang === lang);
const title = ({ page, start }: Sample): string => `${page}:${start}`;

describe('samples in pages', () => {
  it('JSON is JSON', () => {
    for (const sample of of('json'))
      expect(() => JSON.parse(sample.text), title(sample)).not.toThrow();
  });

  it('YAML is a configuration that tidemarkd takes, but for the one that shows what it refuses', () => {
    const faulty = of('yaml').filter(({ text, page }) => {
      try {
        checkConfig(parseConfig(text, page));
        return false;
      } catch {
        return true;
      }
    });
    expect(faulty.map(({ page, path }) => `${page}: ${path}`)).toEqual([
      'docs/configuration.md: vm.yaml',
    ]);
  });

  it('XML has a closing tag for each opening one', () => {
    for (const sample of of('xml')) expect(unclosedTags(sample.text), title(sample)).toEqual([]);
  });

  it('TypeScript is a sample that a test runs, or is right for the compiler', async () => {
    const run = new Set(
      globSync('packages/*/test/support/readme-sample.ts', { cwd: ROOT }).map((path) =>
        readFileSync(ROOT + path, 'utf8'),
      ),
    );
    const rest = of('ts').filter(({ text, isHidden }) => !isHidden && !run.has(text));
    const folder = mkdtempSync(join(ROOT, 'tools/node_modules/.samples-'));
    try {
      linkPackages(join(folder, 'node_modules/@tidemark'));
      for (const [index, sample] of rest.entries())
        writeFileSync(join(folder, `${index}.ts`), contextOf(sample) + sample.text);
      writeFileSync(
        join(folder, 'tsconfig.json'),
        JSON.stringify({
          extends: '../../../tsconfig.json',
          include: ['*.ts'],
          exclude: [],
          compilerOptions: { typeRoots: [`${ROOT}node_modules/@types`] },
        }),
      );
      const { stdout } = await sh(`${ROOT}node_modules/.bin/tsc`, '-p', folder);
      expect(rest.map(title).join(' ') + stdout).toBe(rest.map(title).join(' '));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** As if all packages of the workspace were installed there. */
function linkPackages(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const path of globSync('packages/*', { cwd: ROOT }))
    symlinkSync(ROOT + path, join(folder, basename(path)));
}

/** The comment before a sample: what it takes for granted. */
function contextOf(sample: Sample): string {
  const before = blocks[blocks.indexOf(sample) - 1];
  return before?.isHidden === true && before.lang === 'ts' ? before.text : 'export {};\n';
}

/** Tags that are not closed, or closed where another one is open. */
function unclosedTags(xml: string): readonly string[] {
  const open: string[] = [];
  for (const [, close, name, empty] of xml.matchAll(/<(\/?)([\w-]+)[^>]*?(\/?)>/g)) {
    if (close === '' && empty === '') open.push(name!);
    else if (close !== '' && open.at(-1) === name) open.pop();
    else if (close !== '') open.push(`/${name}`);
  }
  return open;
}
