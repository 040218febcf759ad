import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TIDEMARK } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';

const PERL = '/usr/bin/perl';
const dir = tempDir();
const home = join(dir, 'home');
const bin = join(dir, 'bin');
for (const folder of [home, bin]) mkdirSync(folder);
// As npm links it: to its file, over a link to its folder.
symlinkSync(dirname(TIDEMARK), join(dir, 'dist'));
symlinkSync('../dist/main.js', join(bin, 'tidemark'));
symlinkSync(process.execPath, join(bin, 'node'));

/** Which parts of Node a program has loaded. */
const REPORT = `data:text/javascript,${encodeURIComponent(`
process.on('exit', () => {
  const { writeFileSync } = process.getBuiltinModule('node:fs');
  writeFileSync(process.env.LOADED, process.moduleLoadList.join('\\n'));
});`)}`;

const ENV = {
  HOME: home,
  PATH: `${bin}:/usr/bin:/bin`,
  LOADED: join(dir, 'loaded'),
  NODE_OPTIONS: `--import=${REPORT}`,
};

/** A program that was not made executable, as npm does: its first line is gone by. */
const byName = (words: readonly string[], how?: How) =>
  ended('/bin/sh', [join(bin, 'tidemark'), ...words], how);
const byNode = (words: readonly string[], how?: How) =>
  ended(process.execPath, [TIDEMARK, ...words], how);

interface How {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

function ended(program: string, words: readonly string[], { env, cwd = dir }: How = {}) {
  const options = { env: { ...ENV, ...env }, cwd, encoding: 'utf8' } as const;
  const { status, signal, stdout, stderr } = spawnSync(program, words, options);
  return { status, signal, stdout, stderr };
}

const startsHelper = () =>
  readFileSync(ENV.LOADED, 'utf8').split('\n').includes('NativeModule child_process');

function newImage(name: string): string {
  const path = join(dir, name);
  byNode(['img', 'create', '-q', '-f', 'qcow2', path, '1M']);
  return path;
}

const isHere = process.platform === 'linux' && existsSync(PERL);

describe.runIf(isHere)('a program that is started by its name', () => {
  it('has the image locked before Node is there', () => {
    const path = newImage('a.qcow2');
    const done = { status: 0, signal: null, stdout: '', stderr: '' };
    expect(byName(['img', 'bitmap', '--add', path, 'b'])).toEqual(done);
    expect(startsHelper()).toBe(false);
    // Settings of perl's are not for this one.
    expect(byName(['img', 'bitmap', '--add', path, 'c'], { env: { PERL5OPT: '-Mnone' } })).toEqual(
      done,
    );
    expect(startsHelper()).toBe(true);
    expect(byName(['img', 'bitmap', '--remove', path, 'b'], { env: { LC_ALL: 'xx_XX' } })).toEqual(
      done,
    );
    expect(byNode(['img', 'info', path]).stdout).toMatch(/name: c\n/);
    expect(byNode(['img', 'info', path]).stdout).not.toMatch(/name: b\n/);
  });

  it('does what it does otherwise', () => {
    const odd = `it's "odd" $HOME.qcow2`;
    const folders = ['name', 'node'].map((name) => join(dir, name));
    for (const folder of folders) {
      mkdirSync(folder);
      for (const name of ['a', odd]) copyFileSync(newImage('b.qcow2'), join(folder, name));
      writeFileSync(join(folder, 'raw'), 'x');
    }
    for (const words of [
      ['--version'],
      ['img'],
      ['img', 'bitmap'],
      ['img', 'bitmap', '--help'],
      ['img', 'bitmap', '--add', 'a'],
      ['img', 'bitmap', '--add', 'a', 'b', '-g', '64k'],
      ['img', 'bitmap', '--add', 'a', 'b'],
      ['img', 'bitmap', '--add', odd, 'b'],
      ['img', 'bitmap', '--merge', 'b', '-b', 'a', odd, 'b'],
      ['img', 'bitmap', '--merge', 'b', odd, 'b', '-b', 'a'],
      ['img', 'bitmap', '--add', 'none', 'b'],
      ['img', 'bitmap', '--add', '.', 'b'],
      ['img', 'bitmap', '--add', '-f', 'raw', 'raw', 'b'],
      ['img', 'bitmap', '--clear', odd, ''],
      ['img', 'info', 'a'],
    ]) {
      const [name, node] = folders.map((cwd, index) =>
        index === 0 ? byName(words, { cwd }) : byNode(words, { cwd }),
      );
      expect(name, words.join(' ')).toEqual(node);
    }
  });

  it('starts within 1 GiB of address space, as OpenStack and oVirt give it', () => {
    const path = newImage('g.qcow2');
    const within = (...words: readonly string[]) =>
      ended('/bin/sh', [
        '-c',
        'ulimit -v 1048576; exec sh "$@"',
        'sh',
        join(bin, 'tidemark'),
        ...words,
      ]);
    const done = { status: 0, signal: null, stdout: '', stderr: '' };
    expect(within('img', 'bitmap', '--add', path, 'b')).toEqual(done);
    const info = within('img', 'info', '--output=json', path);
    expect(info).toEqual(byNode(['img', 'info', '--output=json', path]));
    expect(info.stdout).toContain('"name": "b"');
    // Whoever sees this change sees that the rest of the test shows nothing.
    expect(ended('/bin/sh', ['-c', 'ulimit -v 1048576; exec node -e 1']).status).not.toBe(0);
  });

  it('is refused an image that is in use, in the same words', async () => {
    const path = newImage('c.qcow2');
    // A reader of QEMU's kind: it lets nobody write.
    const script = `open F, '<', $ARGV[0]; my $lock = pack('s s x4 q q l x4', 0, 0, 201, 1, 0);
      fcntl(F, 37, $lock) or die; $| = 1; print "held\\n"; <STDIN>`;
    const child = spawn(PERL, ['-e', script, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const refused = byName(['img', 'bitmap', '--add', path, 'b']);
    expect(refused).toEqual(byNode(['img', 'bitmap', '--add', path, 'b']));
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('lock') });
    child.stdin.end();
    await once(child, 'exit');
    expect(byName(['img', 'bitmap', '--add', path, 'b']).status).toBe(0);
  });

  it('lets go of the image where another Node goes on', () => {
    const path = newImage('f.qcow2');
    const old = `delete process.env.NODE_OPTIONS;
      Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(old)}` };
    const gone = byName(['img', 'bitmap', '--add', path, 'b'], { env });
    expect(gone).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
    expect(byNode(['img', 'info', path]).stdout).toMatch(/name: b\n/);
  });

  it('tells where there is no Node', () => {
    const words = ['img', 'bitmap', '--add', newImage('d.qcow2'), 'b'];
    const missing = byName(words, { env: { PATH: '/nowhere' } });
    expect(missing).toMatchObject({ status: 127, stderr: expect.stringContaining('node') });
  });

  it('is Node itself: signals reach it', () => {
    const path = newImage('e.qcow2');
    const kill = `data:text/javascript,process.kill(process.pid,'SIGTERM')`;
    const killed = byName(['img', 'bitmap', '--add', path, 'b'], {
      env: { NODE_OPTIONS: `--import=${kill}` },
    });
    expect(killed).toMatchObject({ signal: 'SIGTERM' });
    expect(byName(['img', 'bitmap', '--add', path, 'b']).status).toBe(0);
  });
});
