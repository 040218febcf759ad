import { describe, expect, it } from 'vitest';
import { launch } from './launcher.ts';
import { tempDir } from './qemu.ts';

const timeout = 60_000;

describe('programs that tests start', () => {
  const dir = tempDir();

  it('say what they print, and how they end', async () => {
    const words = ['sh', '-c', `printf "it's\n$1"; echo wrong >&2; exit 7`, 'sh', "a 'b' $HOME\n"];
    expect(await launch(words, { timeout })).toEqual({
      code: 7,
      stdout: "it's\na 'b' $HOME\n",
      stderr: 'wrong\n',
    });
  });

  it('run side by side, each with an answer of its own', async () => {
    const numbers = Array.from({ length: 40 }, (_, at) => String(at));
    const all = await Promise.all(numbers.map((at) => launch(['echo', at], { timeout })));
    expect(all.map(({ stdout }) => stdout.trim())).toEqual(numbers);
  });

  it('have the folder, the environment as it is now, and no input', async () => {
    process.env['LAUNCHED'] = "with 'quotes'";
    const script = 'pwd; echo "$LAUNCHED"; cat; readlink /proc/self/fd/3 || echo none';
    const { stdout } = await launch(['sh', '-c', script], { timeout, cwd: dir });
    delete process.env['LAUNCHED'];
    expect(stdout).toBe(`${dir}\nwith 'quotes'\nnone\n`);
    expect((await launch(['sh', '-c', 'echo "$LAUNCHED"'], { timeout })).stdout).toBe('\n');
  });

  it('are killed where they do not end', async () => {
    await expect(launch(['sleep', '600'], { timeout: 50 })).rejects.toThrow(
      'not ended after 50 ms',
    );
    expect((await launch(['sh', '-c', 'kill -9 $$'], { timeout })).code).toBe(137);
  });

  it('are looked for, and told of where there are none', async () => {
    const { code, stderr } = await launch(['no-such-program'], { timeout });
    expect(code).toBe(127);
    expect(stderr).toContain('not found');
  });
});
