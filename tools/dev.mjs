// Sets the workspace up from nothing (Node 20, npm, git) and runs one of its scripts.
// Plain JavaScript: it runs on the machine's own Node before anything is installed.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [script] = process.argv.slice(2);
const root = new URL('../', import.meta.url);
const { packageManager } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const steps = `pnpm install --frozen-lockfile && pnpm run ${script}`;
// turbo looks for pnpm on PATH; npx puts it there when the machine has none.
const underPnpm = process.env.npm_config_user_agent?.startsWith('pnpm/');
const command = underPnpm
  ? steps
  : `npx --yes --prefer-offline --package=${packageManager} --call="${steps}"`;
const { status } = spawnSync(command, {
  cwd: root,
  stdio: 'inherit',
  shell: true,
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
});
process.exitCode = status ?? 1;
