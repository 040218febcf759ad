import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startWithSocket } from '../../../tools/hand-socket.ts';
import { tempDir } from '../../../tools/qemu.ts';

const program = fileURLToPath(new URL('support/program.ts', import.meta.url));

/** Makes a Node say that it is another one, as far as the program can see. */
function pretend(version: string): readonly string[] {
  const code = `Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`;
  return [`--import=data:text/javascript,${encodeURIComponent(code)}`];
}

describe('a program on an old Node', () => {
  const dir = realpathSync(tempDir());

  /** A copy of the program's place: `nodeOf` is the Node that the workspace there has. */
  function place(name: string, nodeOf?: string): NodeJS.ProcessEnv {
    const folder = join(dir, name, 'apps', 'cli');
    mkdirSync(folder, { recursive: true });
    // What is there is run again by the other Node: that it is the same program.
    writeFileSync(
      join(folder, 'main.js'),
      `await import(${JSON.stringify(pathToFileURL(program).href)});`,
    );
    if (nodeOf !== undefined) {
      const bin = join(
        dir,
        name,
        'node_modules',
        `node-${process.platform}-${process.arch}`,
        'bin',
      );
      mkdirSync(bin, { recursive: true });
      symlinkSync(nodeOf, join(bin, 'node'));
    }
    return { ...process.env, MODULE_URL: pathToFileURL(join(folder, 'main.js')).href };
  }

  function start(version: string, env: NodeJS.ProcessEnv, ...args: readonly string[]) {
    const script = fileURLToPath(env['MODULE_URL']!);
    const options = ['--conditions=@tidemark/source', ...pretend(version), script, ...args];
    return spawnSync(process.execPath, options, {
      encoding: 'utf8',
      env: { ...env, NODE_OPTIONS: '--conditions=@tidemark/source' },
    });
  }

  it.each(['18.20.0', '20.20.2', '22.14.9'])('%s says NODE_TOO_OLD and ends with 15', (version) => {
    const { status, stdout, stderr } = start(version, place(`alone-${version}`), 'info');
    expect({ status, stdout }).toEqual({ status: 15, stdout: '' });
    expect(stderr).toBe(
      `program: ${process.execPath}: Node ${version} is too old (NODE_TOO_OLD)\n` +
        'program: hint: install Node 22.15 or newer, and run this with it\n',
    );
  });

  it('says it in JSON to who asked for JSON', () => {
    const { status, stderr } = start('20.20.2', place('json'), 'info', '--json');
    expect(status).toBe(15);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'NODE_TOO_OLD' } });
  });

  it('goes on with the Node of the workspace around it, with the same arguments', () => {
    const env = place('workspace', process.execPath);
    const { status, stdout, stderr } = start('20.20.2', env, 'bitmap', 'list', 'a b');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(`main on ${realpathSync(process.execPath)} with bitmap list a b\n`);
  });

  it.each(['22.15.0', '23.0.0', '24.1.0'])('is no old one at %s', (version) => {
    const { status, stdout } = start(version, place(`recent-${version}`), 'x');
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `main on ${process.execPath} with x\n`,
    });
  });

  it('hands signals to the Node that it goes on with, and ends as that one ends', async () => {
    const env = {
      ...place('signal', process.execPath),
      NODE_OPTIONS: '--conditions=@tidemark/source',
    };
    const args = ['--conditions=@tidemark/source', ...pretend('20.0.0'), program, '--wait'];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) =>
      child.on('exit', (code, signal) => resolve({ code, signal })),
    );
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'ready') child.kill('SIGTERM');
    }
    expect(await ended).toEqual({ code: 7, signal: null });
  });

  it.each(['20.0.0', '24.1.0'])(
    '%s has the sockets of systemd where it goes on',
    async (version) => {
      const { MODULE_URL } = place(`sockets-${version}`, process.execPath);
      const options = ['MODULE_URL', 'NODE_OPTIONS'].map((name, at) =>
        at === 0 ? `${name}=${MODULE_URL}` : `${name}=--conditions=@tidemark/source`,
      );
      const command = ['env', ...options, process.execPath, ...pretend(version), program];
      const { child } = await startWithSocket({ host: '127.0.0.1' }, [...command, '--sockets']);
      expect(await text(child.stdout!)).toMatch(/^main on .*\n1 true 0\n$/);
    },
  );

  it('takes no sockets that are meant for another process', () => {
    const env = { ...place('others'), LISTEN_PID: `${process.pid}`, LISTEN_FDS: '1' };
    expect(start('24.1.0', env, '--sockets').stdout).toMatch(/\n0 false 0\n$/);
  });

  const setpriv = existsSync('/usr/bin/setpriv');
  if (!setpriv) console.warn('SKIPPED: killed with its Node: needs setpriv (util-linux, Linux)');
  it.skipIf(!setpriv)('takes the Node that it goes on with along when it is killed', async () => {
    const env = {
      ...place('kill', process.execPath),
      NODE_OPTIONS: '--conditions=@tidemark/source',
    };
    const args = ['--conditions=@tidemark/source', ...pretend('20.0.0'), program, '--wait'];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let other = '';
    // The pipe ends when its last writer has ended, which is the other Node.
    for await (const line of createInterface({ input: child.stdout })) {
      if (line !== 'ready') continue;
      other = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
      child.kill('SIGKILL');
    }
    expect(other).toMatch(/^\d+$/);
  });
});

it('a program that Node ends in the midst of its work has failed, and says so', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@tidemark/source', program, '--forget'],
    { encoding: 'utf8' },
  );
  expect(stderr).toContain('program: ended before its work was done');
  expect(status).not.toBe(0);
});
