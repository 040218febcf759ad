import { execFileSync, spawnSync } from 'node:child_process';
import type { DemoDrive } from './drives.ts';
import type { Story } from './story.ts';

/** Lets qemu-img look at images, sidecar and restored drives. Says so where it is not installed. */
export async function crossCheck(story: Story, drives: readonly DemoDrive[]): Promise<void> {
  if (!isInstalled('qemu-img')) {
    story.say('qemu-img is not installed here, so nothing was cross-checked.');
    return;
  }
  for (const { format, path, restored } of drives) {
    const image = format === 'raw' ? `${path}.tidemark.qcow2` : path;
    story.good(`qemu-img check: no errors in ${image.split('/').at(-1)}${leaksOf(image)}`);
    const info = qemuImg('info', image);
    if (!/name: nightly/.test(info)) throw new Error("qemu-img info does not list 'nightly'");
    if (/in-use/.test(info)) throw new Error('a bitmap was left in use');
    story.good("qemu-img info: bitmap 'nightly' is there and not in use");
    qemuImg('compare', '-q', '-f', format, '-F', format, path, restored);
    story.good(`qemu-img compare: the ${format} drive and the restored one are identical`);
  }
}

/** What a kill has cut off may stay allocated; qemu-img's exit code 3 says that it is nothing else. */
function leaksOf(image: string): string {
  const { status, stdout } = spawnSync('qemu-img', ['check', '--output=json', image]);
  if (status === 0) return '';
  if (status !== 3) throw new Error(`qemu-img check finds errors in ${image}: ${String(stdout)}`);
  const { leaks } = JSON.parse(String(stdout)) as { leaks: number };
  return `, and ${leaks} clusters that the kill has left allocated`;
}

function qemuImg(...args: readonly string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8' });
}

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
