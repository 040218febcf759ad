import { chmodSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { BEGIN, END, type FileTable, type Packed } from './layout.ts';

const LOADER = fileURLToPath(new URL('loader.ts', import.meta.url));

const OUT = ['dashboard/**', 'img/later/**'];

/** Letters. */
const WORTH_DEFLATING = 65_536;

export interface PackedProgram {
  /**
   * Its built files, CommonJS, of which the first is `main.js`. What is for browsers stays out, and
   * what only those load that `instead` stands for.
   */
  readonly dist: string;
  /** A text in place of a file's own. */
  readonly instead?: (name: string) => string | undefined;
}

/** Makes one executable file of a program. */
export async function pack({ dist, instead }: PackedProgram, target: string): Promise<void> {
  const files: Record<string, FileTable[string]> = {};
  const texts: string[] = [];
  let length = 0;
  for (const name of globSync('**/*.js', { cwd: dist, exclude: OUT }).toSorted()) {
    const text = instead?.(name) ?? readFileSync(`${dist}/${name}`, 'utf8').replace(/^#!.*\n/, '');
    const isDeflated = text.length >= WORTH_DEFLATING;
    const bytes = isDeflated ? deflateRawSync(text, { level: 9 }) : Buffer.from(text);
    const packed = bytes.toString('base64');
    files[name] = [length, packed.length, isDeflated ? 1 : 0];
    texts.push(packed);
    length += packed.length;
  }
  const loader = await build({ files, length });
  const head = `#!/usr/bin/env node\n${loader}\n${BEGIN}`;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, [head, ...texts, END].join(''));
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
