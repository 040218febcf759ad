// Runs every test of the workspace in one vitest process, then prints what its report counted.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const report = `${root}.test-report/vitest.json`;
const vitest = `${root}node_modules/vitest/vitest.mjs`;

rmSync(report, { force: true });
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`].concat(
    process.argv.slice(2),
  ),
  { cwd: root, stdio: 'inherit' },
);

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numFailedTestSuites: number;
}

if (!existsSync(report)) {
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}
const counted = JSON.parse(readFileSync(report, 'utf8')) as Report;
// A file that cannot be loaded has no tests to fail: it counts as one.
const failed = Math.max(counted.numFailedTests, counted.numFailedTestSuites > 0 ? 1 : 0);
const skipped = counted.numPendingTests + counted.numTodoTests;
console.log(`${counted.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
process.exit(status === 0 && failed > 0 ? 1 : (status ?? 1));
