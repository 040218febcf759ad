import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The lines of Node that packages run on: the oldest that is supported, this one's, the newest. */
export const NODE_LINES = ['22', '24', '26'] as const;

/** Fetches a Node of a line from npm. Returns its path. */
export function fetchNode(line: string, cache: string): string {
  const folder = join(cache, `node-${line}`);
  const name = `node-${process.platform}-${process.arch}`;
  const path = join(folder, 'node_modules', name, 'bin/node');
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];
  execFileSync('npm', ['install', ...quiet, `${name}@${line}`], { cwd: folder, stdio: 'pipe' });
  return path;
}
