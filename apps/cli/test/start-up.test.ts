import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TIDEMARK } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';

/** What a program has of Node when it ends. */
const REPORT = `data:text/javascript,${encodeURIComponent(`
process.on('exit', () => {
  const { writeFileSync } = process.getBuiltinModule('node:fs');
  writeFileSync(process.env.LOADED, process.moduleLoadList.join('\\n'));
});`)}`;

/** Each takes as long to load as a command on a small image takes to work. */
const DEAR = ['child_process', 'crypto', 'fs/promises', 'net', 'stream', 'worker_threads', 'zlib'];

const dir = tempDir();
const home = join(dir, 'home');
mkdirSync(home);

function run(args: readonly string[], env: NodeJS.ProcessEnv = { HOME: home }): string {
  const loaded = { LOADED: join(dir, 'loaded'), PATH: process.env['PATH'] };
  const all = ['--import', REPORT, TIDEMARK, 'img', ...args];
  return execFileSync(process.execPath, all, { env: { ...loaded, ...env }, encoding: 'utf8' });
}

/** Of those that are dear. */
function loadedBy(...args: readonly string[]): readonly string[] {
  run(args);
  const all = readFileSync(join(dir, 'loaded'), 'utf8').split('\n');
  expect(all).toContain('NativeModule fs');
  return DEAR.filter((name) => all.includes(`NativeModule ${name}`));
}

function newImage(name: string): string {
  const path = join(dir, name);
  run(['create', '-q', '-f', 'qcow2', path, '1M']);
  run(['bitmap', '--add', path, 'b']);
  return path;
}

describe('what tidemark img loads', () => {
  it.each(['info', 'map', 'compare'])('nothing dear for %s', (command) => {
    const path = newImage(`${command}.qcow2`);
    const names = command === 'compare' ? [path, path] : [path];
    const lends = command === 'info' ? [] : ['-U'];
    expect(loadedBy(command, ...lends, ...names)).toEqual([]);
  });

  it('only what starts the lock helper for changes of bitmaps', () => {
    const path = newImage('change.qcow2');
    const allowed = ['child_process', 'net', 'stream'];
    expect(loadedBy('bitmap', '--clear', path, 'b')).toEqual(allowed);
    expect(loadedBy('bitmap', '--add', path, 'c')).toEqual(allowed);
  });
});

it('what a command of img seldom needs is loaded when it does', () => {
  const path = newImage('dirty.qcow2');
  const ownFiles = (name: string) => {
    const base = join(dir, `loads-${name}`);
    mkdirSync(base);
    run(['bitmap', '--add', path, name], { XDG_CACHE_HOME: base });
    // Each file that was loaded is kept there.
    const all = readdirSync(base, { recursive: true, encoding: 'utf8' });
    return all.filter((file) => file.includes('.js.')).map((file) => basename(file));
  };
  expect(ownFiles('c')).toEqual([expect.stringMatching(/^bitmap\.js\./)]);
  // qcow2.rst, "incompatible_features": the lowest bit, "dirty".
  const image = readFileSync(path);
  image[79] = 1;
  writeFileSync(path, image);
  expect(ownFiles('d').length).toBeGreaterThan(1);
  expect(run(['info', path])).toContain('name: d');
});

describe('what is kept for the next start', () => {
  const folder = (base: string) => join(base, 'tidemark');

  it.each([
    ['HOME', (base: string) => ({ HOME: base }), '.cache'],
    ['XDG_CACHE_HOME', (base: string) => ({ HOME: '/nowhere', XDG_CACHE_HOME: base }), ''],
  ])('lies in the cache folder of %s, which nobody else may write', (name, env, inner) => {
    const path = newImage('kept.qcow2');
    const base = join(dir, `of-${name}`);
    mkdirSync(base);
    const text = run(['info', path], env(base));
    expect(run(['info', path], env(base))).toBe(text);
    const kept = folder(join(base, inner));
    expect(readdirSync(kept)).toHaveLength(1);
    expect(statSync(kept).mode & 0o777).toBe(0o700);
  });

  it('is nothing where others may write', () => {
    const path = newImage('open.qcow2');
    const base = join(dir, 'open');
    mkdirSync(folder(base), { recursive: true });
    chmodSync(folder(base), 0o777);
    expect(run(['info', path], { XDG_CACHE_HOME: base })).toContain('file format: qcow2');
    expect(readdirSync(folder(base))).toEqual([]);
  });

  it.each(['/proc/self', '/nowhere/at/all', ''])('may be nothing at all: HOME=%s', (HOME) => {
    const path = newImage('none.qcow2');
    expect(run(['info', path], { HOME })).toContain('file format: qcow2');
  });

  it('may be nothing at all: a file in its place', () => {
    const path = newImage('file.qcow2');
    const base = join(dir, 'file');
    writeFileSync(base, '');
    expect(run(['info', path], { HOME: base })).toContain('file format: qcow2');
  });
});
