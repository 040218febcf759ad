import { mkdirSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { beforeEach, expect, it } from 'vitest';
import { sh, tempDir } from '../qemu.ts';
import { commonJsFolder } from './commonjs-folder.ts';
import { FOLDER } from './program-options.ts';
import { seldomLoaded } from './seldom-loaded.ts';

const dir = tempDir();

function write(files: Readonly<Record<string, string>>): void {
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${dir}/${name}`, text);
}

async function build(...seldom: readonly string[]): Promise<void> {
  const sources = seldom.map((name) => `${dir}/${name}`);
  const plugins = [seldomLoaded({ sources, file: 'later/seldom.js' }), commonJsFolder()];
  await using made = await rolldown({ input: `${dir}/main.js`, platform: 'node', plugins });
  await made.write({ ...FOLDER, dir: `${dir}/dist` });
}

const run = (...words: readonly string[]) => sh(process.execPath, `${dir}/dist/main.js`, ...words);

beforeEach(() => write({ 'package.json': '{"type":"module"}' }));

it('a source that is seldom used is loaded when it is called, once, and does what it does elsewhere', async () => {
  write({
    'shared.js': `export class Base { own = 'base' } export const loads = [];`,
    'one.js': `import { Base, loads } from './shared.js';
import { two } from './two.js';
loads.push('one');
export class Kind extends Base {
  static of = (x) => new Kind(x);
  #x;
  constructor(x) { super(); this.#x = x; }
  get x() { return this.#x; }
}
export async function* steps(n) { for (let i = 0; i < n; i++) yield two(i); }
export function self() { return this; }`,
    'two.js': `export function two(i) { return 2 * i; }`,
    'main.js': `import { Base, loads } from './shared.js';
import { Kind, self, steps } from './one.js';
import { two } from './two.js';
const found = [];
async function use() {
  class Own extends Kind { more = 1 }
  for await (const step of steps(3)) found.push(step);
  const made = new Own(5), other = Kind.of(6);
  found.push(made.x, made.own, made.more, made instanceof Own, made instanceof Kind);
  found.push(other instanceof Kind, other instanceof Base, {} instanceof Kind, two(4));
  found.push(self.call('it') == 'it');
}
const before = loads.length;
(process.argv[2] === 'use' ? use() : Promise.resolve()).then(() => console.log(JSON.stringify([before, found, loads])));`,
  });
  await build('one.js', 'two.js');
  const used = await run('use');
  expect(used.stderr).toBe('');
  const found = [0, 2, 4, 5, 'base', 1, true, true, true, true, false, 8, true];
  expect(JSON.parse(used.stdout)).toEqual([0, found, ['one']]);
  expect(JSON.parse((await run()).stdout)).toEqual([0, [], []]);
});

it('what exports more than functions and classes is no such source', async () => {
  write({ 'one.js': `export const one = 1;`, 'main.js': `import { one } from './one.js'; one;` });
  await expect(build('one.js')).rejects.toThrow('one.js exports more than functions and classes');
});

it('a built file is ASCII, and says the same', async () => {
  write({
    'main.js': `const name = 'größe 東京 😀 \\u2028';
      console.log(name, /[é-ü]😀/u.test('ö😀'), \`\${name}é\`);`,
  });
  const { stdout: plain } = await sh(process.execPath, `${dir}/main.js`);
  const plugins = [commonJsFolder()];
  await using made = await rolldown({ input: `${dir}/main.js`, platform: 'node', plugins });
  const { output } = await made.write({ ...FOLDER, dir: `${dir}/dist` });
  expect(Buffer.from(output[0].code).every((byte) => byte < 128)).toBe(true);
  expect((await run()).stdout).toBe(plain);
  expect(plain).toContain('true');
});
