import { chmodSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { BEGIN, END, type FileTable, type Packed, SLASH } from './layout.ts';

const LOADER = fileURLToPath(new URL('loader.ts', import.meta.url));

export interface PackedProgram {
  /** Its built files, CommonJS, of which the first is `main.js`. What is for browsers stays out. */
  readonly dist: string;
  /** A text in place of a file's own. */
  readonly instead?: (name: string) => string | undefined;
}

/**
 * Makes one executable file of a program. @throws Error: one of its files holds the letter that
 * stands for something else
 */
export async function pack({ dist, instead }: PackedProgram, target: string): Promise<void> {
  const files: Record<string, FileTable[string]> = {};
  const texts: Buffer[] = [];
  let length = 0;
  for (const name of globSync('**/*.js', { cwd: dist, exclude: ['dashboard/**'] }).toSorted()) {
    const text = instead?.(name) ?? readFileSync(`${dist}/${name}`, 'utf8').replace(/^#!.*\n/, '');
    if (text.includes(SLASH)) throw new Error(`${name} holds the letter ${SLASH.charCodeAt(0)}`);
    const bytes = Buffer.from(text.replaceAll('*/', `*${SLASH}`));
    files[name] = [length, bytes.length];
    texts.push(bytes);
    length += bytes.length;
  }
  const loader = await build({ files, length });
  const head = `#!/usr/bin/env node\n${loader}\n${BEGIN}`;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, Buffer.concat([Buffer.from(head), ...texts, Buffer.from(END)]));
  chmodSync(target, 0o755);
}

async function build(packed: Packed): Promise<string> {
  await using made = await rolldown({
    input: LOADER,
    platform: 'node',
    resolve: { conditionNames: ['@tidemark/source', 'node', 'import', 'default'] },
    transform: { define: { PACKED: JSON.stringify(packed) } },
  });
  const { output } = await made.generate({ format: 'cjs', minify: true, comments: false });
  return output[0].code.trim();
}
