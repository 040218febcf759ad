import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createDrive } from '@tidemark/drive';
import { TIDEMARKD } from '../../../../tools/programs.ts';

export const SIZE: number = 16 * 1024 * 1024;
export const GRANULE = 65_536;

/** A folder with a configuration, sockets and drives. */
export class ServicePlace {
  readonly dir: string;
  readonly config: string;

  constructor(dir: string) {
    mkdirSync(dir);
    this.dir = dir;
    this.config = join(dir, 'config.yaml');
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  uri(name: string): string {
    return `nbd+unix:///${name}?socket=${this.path('nbd.sock')}`;
  }

  async drive(name: string, format: 'raw' | 'qcow2', size: number = SIZE): Promise<string> {
    const path = this.path(name);
    await (await createDrive(path, { format, size })).device.close();
    return path;
  }

  /** The value of each key of the file, as JSON, which is YAML. Every service here has NBD and QMP. */
  write(config: Readonly<Record<string, unknown>>): void {
    const common = {
      nbd: { listen: { unix: this.path('nbd.sock') } },
      qmp: [{ unix: this.path('qmp.sock') }],
      metrics: { listen: { unix: this.path('metrics.sock') } },
    };
    const lines = Object.entries({ ...common, ...config }).map(
      ([key, value]) => `${key}: ${JSON.stringify(value)}`,
    );
    writeFileSync(this.config, `${lines.join('\n')}\n`, { mode: 0o600 });
  }

  /** What a GET of the metrics' socket is answered with. */
  async get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.path('metrics.sock'), path }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      });
      asked.on('error', reject).end();
    });
  }
}

/** A daemon with a configuration. */
export interface Service {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Resolves when a line holds this, from line `from` on. @throws the log, if it ends before */
  until(text: string, from?: number): Promise<void>;
  /** The lines of its log so far. */
  readonly lines: readonly string[];
  /** Resolves to the exit code. */
  readonly ended: Promise<number | null>;
}

/** Starts one, and resolves at once. */
export function spawnService(
  { config }: ServicePlace,
  env: Readonly<Record<string, string>> = {},
): Service {
  const child = spawn(process.execPath, [TIDEMARKD, '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const until = (text: string, from = 0) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!lines.slice(from).some((line) => line.includes(text))) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`no '${text}' in:\n${lines.join('\n')}`)));
    });
  return { pid: child.pid!, kill: (signal) => void child.kill(signal), until, lines, ended };
}

/** Starts one, and resolves when it serves. */
export async function startService(
  place: ServicePlace,
  env: Readonly<Record<string, string>> = {},
): Promise<Service> {
  const service = spawnService(place, env);
  await service.until('ready: ');
  return service;
}

/** Reads the configuration again, and resolves when that is done, well or not. */
export async function reload(service: Service): Promise<void> {
  const from = service.lines.length;
  service.kill('SIGHUP');
  const done = service.until('the configuration is read again', from);
  const failed = service.until('nothing is changed', from);
  await Promise.race([done, failed]);
}

/** Ends it in order. */
export async function end(service: Service): Promise<number | null> {
  service.kill('SIGTERM');
  return service.ended;
}
