import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';

const PROGRAM = fileURLToPath(new URL('support/kept-program.ts', import.meta.url));

const dir = tempDir();
const folder = `${dir}/program`;
const cache = `${dir}/cache/tidemark`;
const versions = `${cache}/${process.version}-${process.arch}`;

const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => {
  const { NODE_COMPILE_CACHE: _named, NODE_DISABLE_COMPILE_CACHE: _off, ...own } = process.env;
  return { ...own, XDG_CACHE_HOME: `${dir}/cache`, MAIN: `${folder}/main.js`, ...more };
};
const node = (...words: readonly string[]) => ['--conditions=@tidemark/source', PROGRAM, ...words];

function run(more: NodeJS.ProcessEnv = {}, ...words: readonly string[]): string {
  const ended = spawnSync(process.execPath, node(...words), { env: env(more), encoding: 'utf8' });
  expect(ended).toMatchObject({ stderr: '', status: 0 });
  return ended.stdout;
}

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(`${folder}/${name}`, text);
}

/** Of the files of the program, and how much is kept of each: bytes. */
function kept(): Readonly<Record<string, number>> {
  const names = readdirSync(versions).toSorted();
  return Object.fromEntries(
    names.map((name) => [
      name.replace(/\.[0-9a-f]+$/, ''),
      readFileSync(`${versions}/${name}`).length,
    ]),
  );
}

beforeEach(() => {
  rmSync(dir, { recursive: true, force: true });
  for (const path of [folder, `${dir}/cache`]) mkdirSync(path, { recursive: true });
});

it('files are run as Node runs them, each once, and those of Node are Node’s', () => {
  mkdirSync(`${folder}/deep`);
  write({
    'main.js': `'use strict';
      const first = require('./deep/one.js'), again = require('./deep/../deep/one.js');
      console.log(first === again, first.seen, this === exports, module.exports === exports);
      console.log((function () { return this })(), __filename, __dirname);`,
    'deep/one.js': `exports.early = 1; exports.seen = require('../two.js').early + require('node:path').sep;
      exports.where = __dirname;`,
    'two.js': `exports.early = require('./deep/one.js').early + 1;`,
  });
  const lines = `true 2/ true true\nundefined ${folder}/main.js ${folder}\n`;
  expect(run()).toBe(lines);
  expect(run()).toBe(lines);
  expect(Object.keys(kept())).toEqual(['main.js', 'one.js', 'two.js']);
});

it('an error tells the line and column of the file as it is', () => {
  write({ 'main.js': `try { null.x } catch ({ stack }) { console.log(stack.split('\\n')[1]) }` });
  expect(run()).toContain(`${folder}/main.js:1:12`);
});

it('more files than Node lets listen for its end', () => {
  const names = Array.from({ length: 20 }, (_, index) => `f${index}.js`);
  write(Object.fromEntries(names.map((name) => [name, 'exports.is = 1;'])));
  write({ 'main.js': names.map((name) => `require('./${name}')`).join(';') });
  run();
  expect(Object.keys(kept())).toHaveLength(21);
});

describe('what is kept', () => {
  const one = `const say = () => console.log('one');\nsay();\n`;
  const two = one.replace('one', 'two');

  it('is used: V8 does not see that it is of another text, where that is as long', () => {
    // Not all of a long text is looked at.
    const tail = `//${' '.repeat(40_000)}`;
    write({ 'main.js': one + tail });
    run({ STAMP: 'same' });
    write({ 'main.js': two + tail });
    expect(run({ STAMP: 'same' })).toBe('one\n');
    expect(run({ STAMP: 'other' })).toBe('two\n');
  });

  it('is of that very file', () => {
    write({ 'main.js': one });
    expect(run()).toBe('one\n');
    write({ 'main.js': two });
    expect(run()).toBe('two\n');
  });

  it('is of that very file, where no time tells that it is another one', () => {
    const long = (word: string) => `console.log('${word}');`.repeat(20);
    write({ 'main.js': long('one') });
    run({ STAMP: 'same' });
    write({ 'main.js': long('two') });
    expect(run({ STAMP: 'same' })).toMatch(/^(two\n)+$/);
  });

  it('has the functions that were called, and those of each other use', () => {
    const long = Array.from({ length: 400 }, (_, index) => `x += ${index} * x;`).join('');
    write({
      'main.js': `const used = (x) => { ${long} return x; }, other = (x) => { ${long} return x; };
        if (/--other/.test(process.argv)) other(1); else used(1);`,
    });
    run();
    const first = kept()['main.js']!;
    run();
    expect(kept()['main.js']).toBe(first);
    run({}, '--other=1');
    const both = kept()['main.js']!;
    expect(both - first).toBeGreaterThan(2000);
    for (const words of [[], ['--other=2']]) run({}, ...words);
    expect(kept()['main.js']).toBe(both);
  });

  it('is left alone where it is cut short, or anything else', () => {
    write({ 'main.js': one });
    run();
    const [name] = readdirSync(versions);
    const place = `${versions}/${name}`;
    const whole = readFileSync(place);
    for (let length = 0; length < whole.length; length += 397) {
      truncateSync(place, length);
      expect(run()).toBe('one\n');
      expect(readFileSync(place).length, `made anew from ${length}`).toBe(whole.length);
    }
    writeFileSync(place, 'no line at all');
    expect(run()).toBe('one\n');
  });

  it('is left alone where a sector of it is another one, which V8 would run', () => {
    write({ 'main.js': `${one}${'say.call(1, 2);'.repeat(100)}` });
    const said = run();
    const place = `${versions}/${readdirSync(versions)[0]}`;
    const whole = readFileSync(place);
    for (let at = 512; at + 512 <= whole.length; at += 512) {
      const damaged = Buffer.from(whole).fill(0xe5, at, at + 512);
      writeFileSync(place, damaged);
      expect(run()).toBe(said);
      expect(readFileSync(place).equals(damaged), `sector at ${at}`).toBe(false);
    }
  });

  it('is kept by a program that goes on, and is killed then', async () => {
    write({ 'main.js': `console.log('on'); setInterval(() => {}, 60_000);` });
    const child = spawn(process.execPath, node(), {
      env: env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(createInterface({ input: child.stdout }), 'line');
    while (!(existsSync(versions) && Object.keys(kept()).join() === 'main.js')) await sleep(20);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(Object.keys(kept())).toEqual(['main.js']);
  });
});

describe('nothing is kept', () => {
  beforeEach(() => write({ 'main.js': `console.log('ran');` }));

  it('where it is not wanted', () => {
    expect(run({ NODE_DISABLE_COMPILE_CACHE: '1' })).toBe('ran\n');
    expect(readdirSync(`${dir}/cache`)).toEqual([]);
  });

  it('where others may write, or there is no place', () => {
    mkdirSync(cache);
    chmodSync(cache, 0o777);
    expect(run()).toBe('ran\n');
    expect(readdirSync(cache)).toEqual([]);
    for (const place of ['/proc/1', '/dev/null', `${dir}/not/there`]) {
      expect(run({ XDG_CACHE_HOME: place })).toBe('ran\n');
    }
    expect(run({ XDG_CACHE_HOME: '', HOME: '' })).toBe('ran\n');
  });

  it('where NODE_COMPILE_CACHE names a folder in which others were first', () => {
    const named = `${dir}/named`;
    const inside = `${named}/${process.version}-${process.arch}`;
    mkdirSync(inside, { recursive: true });
    chmodSync(inside, 0o777);
    expect(run({ NODE_COMPILE_CACHE: named })).toBe('ran\n');
    expect(readdirSync(inside)).toEqual([]);
  });
});

it('is kept in the first cache folder that systemd gives a service, before its home', () => {
  write({ 'main.js': '' });
  const given = `${dir}/service`;
  mkdirSync(given);
  run({ XDG_CACHE_HOME: '', HOME: dir, CACHE_DIRECTORY: `${given}:${dir}/cache` });
  expect(readdirSync(given, { recursive: true }).join()).toMatch(/tidemark.*main\.js\.[0-9a-f]+/);
  expect(readdirSync(`${dir}/cache`)).toEqual([]);
});

it('is kept where NODE_COMPILE_CACHE says', () => {
  write({ 'main.js': '' });
  mkdirSync(`${dir}/named`);
  run({ NODE_COMPILE_CACHE: `${dir}/named` });
  expect(readdirSync(`${dir}/named`, { recursive: true }).join()).toMatch(/main\.js\.[0-9a-f]+/);
  expect(readdirSync(`${dir}/cache`)).toEqual([]);
});
