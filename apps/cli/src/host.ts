import { fstatSync } from 'node:fs';
import type { StricliProcess } from '@stricli/core';
import { say } from './say.ts';

/** Where the parser of command lines prints. Node's streams are loaded for a terminal only. */
export const HOST: StricliProcess = {
  stdout: {
    write: (text) => say(1, text),
    getColorDepth: (env) => (isDevice(1) ? (process.stdout.getColorDepth?.(env) ?? 1) : 1),
  },
  stderr: {
    write: (text) => say(2, text),
    getColorDepth: (env) => (isDevice(2) ? (process.stderr.getColorDepth?.(env) ?? 1) : 1),
  },
  env: process.env,
};

function isDevice(fd: number): boolean {
  return fstatSync(fd).isCharacterDevice();
}
