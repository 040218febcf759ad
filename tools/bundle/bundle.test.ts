import { globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { start, TIDEMARK } from '../programs.ts';
import { sh, tempDir } from '../qemu.ts';
import { noticesOf } from './notices.ts';
import { pack } from './pack.ts';
import { PROGRAMS } from './programs.ts';

const dir = tempDir();
const at = (name: string) => join(dir, name);
const node = (...args: readonly string[]) => sh(process.execPath, ...args);

it('a packed program runs its files as they are, each once, when they are asked for', async () => {
  mkdirSync(at('dist/deep'), { recursive: true });
  const files = {
    'main.js': `#!/usr/bin/env node
      globalThis.order = ['main'];
      const again = () => require('./deep/one.js').text;
      again();
      require('./long.js').long === 60_000 && order.push('long');
      console.log(JSON.stringify([again(), order, require('node:path').basename(__filename)]));`,
    'deep/one.js': `order.push('one'); exports.text = require('../two.js').text + '\u2014 end */';`,
    'two.js': `exports.text = 'a*/b'.replace(/[^x]*/g, (x) => x + '/* é');`,
    'never.js': `order.push('never');`,
    'long.js': `exports.long = '${'é*/'.repeat(20_000)}'.length;`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(at(`dist/${name}`), text);
  await pack({ dist: at('dist') }, at('own/packed.cjs'));
  const [plain, packed] = [await node(at('dist/main.js')), await node(at('own/packed.cjs'))];
  expect(packed.stderr).toBe('');
  expect(packed.stdout).toBe(plain.stdout);
  expect(JSON.parse(plain.stdout)[1]).toEqual(['main', 'one', 'long']);
});

describe('the programs, each one file in a folder of its own', () => {
  beforeAll(async () => {
    for (const program of PROGRAMS) await pack(program, at(`bin/${program.name}.cjs`));
  });
  const bundled = (...args: readonly string[]) => node(at('bin/tidemark.cjs'), ...args);

  it('do what the built ones do', async () => {
    for (const line of [
      ['--version'],
      ['--help'],
      ['img', '--help'],
      ['img', 'create', '-f', 'qcow2', at('a.qcow2'), '4M'],
      ['bitmap', 'add', '--granularity', '1', at('a.qcow2'), 'b'],
      ['img', 'info', at('a.qcow2')],
      ['bitmap', 'list', '--json', at('a.qcow2')],
      ['img', 'info', at('missing')],
      ['nbd', '--version'],
      ['nonsense'],
    ]) {
      const [one, built] = [await bundled(...line), await node(TIDEMARK, ...line)];
      expect(one, line.join(' ')).toEqual(built);
    }
  });

  it('go on with a newer Node where theirs is too old and one is beside them', async () => {
    const folder = at(`bin/node_modules/node-${process.platform}-${process.arch}/bin`);
    mkdirSync(folder, { recursive: true });
    symlinkSync(process.execPath, join(folder, 'node'));
    const old = `Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})`;
    const pretend = `--import=data:text/javascript,${encodeURIComponent(old)}`;
    for (const line of [['--version'], ['img', 'info', at('missing')]]) {
      const older = await node(pretend, at('bin/tidemark.cjs'), ...line);
      expect(older).toEqual(await bundled(...line));
    }
  });

  it('back up and restore', async () => {
    writeFileSync(at('a.raw'), Buffer.alloc(2 ** 20, 7));
    for (const line of [
      ['backup', at('a.raw'), at('repo')],
      ['restore', at('repo'), at('b.raw')],
    ]) {
      expect(await bundled(...line), line.join(' ')).toMatchObject({ code: 0 });
    }
    expect((await sh('cmp', at('a.raw'), at('b.raw'))).code).toBe(0);
  });

  it('serve in the foreground and in the background', async () => {
    const daemon = await start(at('bin/tidemarkd.cjs'), 'tidemarkd: ready', [
      `-drive=file=${at('a.raw')},id=d,format=raw`,
    ]);
    expect(await daemon.stop()).toMatchObject({ code: 0 });
    const line = ['-k', at('sock'), '--fork', `--pid-file=${at('pid')}`, '-f', 'raw', at('a.raw')];
    expect(await bundled('nbd', ...line)).toMatchObject({ code: 0, stderr: '' });
    expect(await bundled('nbd', '-L', '-k', at('sock'))).toMatchObject({ code: 0 });
    await sh('sh', '-c', `kill $(cat ${at('pid')})`);
  });
});

it('what is built has no dynamic imports: nothing that is kept compiled may', () => {
  for (const { dist } of PROGRAMS) {
    for (const name of globSync('**/*.js', { cwd: dist, exclude: ['dashboard/**'] })) {
      expect(readFileSync(`${dist}/${name}`, 'utf8'), name).not.toMatch(/(?<![.\w])import\(/);
    }
  }
});

it('what is built can be read by the oldest Node that goes on with another one', () => {
  for (const { dist } of PROGRAMS) {
    for (const name of globSync('**/*.js', { cwd: dist, exclude: ['dashboard/**'] })) {
      expect(readFileSync(`${dist}/${name}`, 'utf8'), name).not.toMatch(/\busing [\w$]+ ?=/);
    }
  }
});

it('the licences of what others wrote are told', () => {
  const notices = noticesOf(PROGRAMS[0]!.folder);
  expect(notices).toMatch(/^@stricli\/core \d+\.\d+\.\d+, Apache-2\.0$/m);
  expect(notices).toContain('Apache License');
  expect(notices).not.toContain('@tidemark/');
});
