import { execFileSync } from 'node:child_process';
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
    qemuImg('check', '-q', image);
    story.good(`qemu-img check: no errors in ${image.split('/').at(-1)}`);
    const info = qemuImg('info', image);
    if (!/name: nightly/.test(info)) throw new Error("qemu-img info does not list 'nightly'");
    if (/in-use/.test(info)) throw new Error('a bitmap was left in use');
    story.good("qemu-img info: bitmap 'nightly' is there and not in use");
    qemuImg('compare', '-q', '-f', format, '-F', format, path, restored);
    story.good(`qemu-img compare: the ${format} drive and the restored one are identical`);
  }
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
