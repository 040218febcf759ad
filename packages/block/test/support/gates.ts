import { execFileSync } from 'node:child_process';
import { findTools } from '../../src/helper/tools.ts';

/**
 * For `describe.skipIf`: whether tests of what perl and util-linux do have to be skipped. Says so,
 * or with REQUIRE_QEMU=1 throws, as tools/qemu.ts does for QEMU's tools.
 */
export function lacksHelpers(tests: string): boolean {
  const { perl, fallocate } = findTools();
  const missing = [perl ? '' : 'perl', fallocate ? '' : 'fallocate of util-linux']
    .filter((name) => name !== '')
    .join(' and ');
  if (missing === '') return false;
  if (process.env['REQUIRE_QEMU'] === '1') {
    throw new Error(`REQUIRE_QEMU=1, but there is no ${missing} for the tests of ${tests}`);
  }
  return saySkipped(tests, missing);
}

/**
 * For `describe.skipIf`: whether tests on real block devices have to be skipped. Says so. Many
 * containers let not even root make loop devices, so they are never required.
 */
export function lacksLoopDevices(tests: string): boolean {
  if (process.getuid?.() !== 0) return saySkipped(tests, 'root');
  try {
    execFileSync('losetup', ['--find'], { stdio: 'ignore' });
    return false;
  } catch {
    return saySkipped(tests, 'loop devices');
  }
}

function saySkipped(tests: string, missing: string): true {
  console.warn(`SKIPPED: ${tests}: needs ${missing}`);
  return true;
}
