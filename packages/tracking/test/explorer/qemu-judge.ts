import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockDevice } from '@tidemark/block';
import { openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';

/** An image after a power cut, and what we read of it. */
interface Sample {
  readonly path: string;
  /** Checksums of bits, by the names of bitmaps at rest. */
  readonly sums: ReadonlyMap<string, string>;
}

export interface JudgeOptions {
  /** One of so many images is checked. */
  readonly every: number;
  /** Most images to check, and about as many bitmaps of which bits are compared. */
  readonly checks: number;
  readonly sums: number;
  /** A file of zeros is there by this name: what images have behind them. */
  readonly backing?: { readonly name: string; readonly size: number };
}

/** Images kept until QEMU is asked about all of them at once. */
const BATCH = 50;

/** Lets QEMU check a sample of images, and compares the bits of bitmaps that it reads in some. */
export class QemuJudge {
  readonly checked = { images: 0, sums: 0 };
  readonly #options: JudgeOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidemark-judge-'));
  #samples: Sample[] = [];
  #seen = 0;
  #compared = 0;

  constructor(options: JudgeOptions) {
    this.#options = options;
    const { backing } = options;
    if (backing !== undefined) {
      writeFileSync(join(this.#folder, backing.name), new Uint8Array(backing.size));
    }
  }

  /** Takes an image, or lets it pass. @returns problems of those that QEMU has looked at */
  async see(device: BlockDevice, bytes: () => Uint8Array): Promise<readonly string[]> {
    const { every, checks, sums } = this.#options;
    this.#seen += 1;
    const taken = this.checked.images + this.#samples.length;
    if (this.#seen % every !== 0 || taken >= checks) return [];
    const path = join(this.#folder, `${this.#samples.length}.qcow2`);
    writeFileSync(path, bytes());
    const compared = this.#compared < sums ? await sumsOf(device) : new Map<string, string>();
    this.#compared += compared.size;
    this.#samples.push({ path, sums: compared });
    return this.#samples.length < BATCH ? [] : this.ask();
  }

  /** Asks about what was not asked about yet. */
  async ask(): Promise<readonly string[]> {
    const samples = this.#samples;
    this.#samples = [];
    const problems: string[] = [];
    for (const { path } of samples) problems.push(...(await check(path)));
    problems.push(...(await compare(samples)));
    this.checked.images += samples.length;
    this.checked.sums += samples.reduce((count, { sums }) => count + sums.size, 0);
    return problems;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function sumsOf(device: BlockDevice): Promise<ReadonlyMap<string, string>> {
  const store = await openQcow2Store(await openQcow2(device, { skipBacking: true }));
  const sums = new Map<string, string>();
  for (const { name, state } of await store.list()) {
    if (state === 'stored') sums.set(name, (await store.load(name)).sha256());
  }
  return sums;
}

/** Leaks are no damage. */
async function check(path: string): Promise<readonly string[]> {
  const { code, output } = await outputOf('qemu-img', ['check', '--output=json', path]);
  if (code !== 0 && code !== 3) return [`qemu-img check: exit code ${code}: ${output}`];
  const { corruptions = 0 } = JSON.parse(output) as { corruptions?: number };
  return corruptions === 0 ? [] : [`qemu-img check: ${corruptions} corruptions`];
}

interface Command {
  readonly execute: string;
  readonly arguments?: object;
  readonly id?: string;
}

interface Reply {
  readonly id?: string;
  readonly return?: { readonly sha256?: string };
  readonly error?: { readonly desc: string };
}

/** One process reads all of them. */
async function compare(samples: readonly Sample[]): Promise<readonly string[]> {
  const commands: Command[] = [{ execute: 'qmp_capabilities' }];
  const wanted = new Map<string, string>();
  for (const [index, { path, sums }] of samples.entries()) {
    if (sums.size === 0) continue;
    const node = `n${index}`;
    const file = { driver: 'file', filename: path };
    const image = { driver: 'qcow2', 'node-name': node, 'read-only': true, backing: null, file };
    commands.push({ execute: 'blockdev-add', arguments: image, id: `add ${node}` });
    for (const [name, sum] of sums) {
      const id = `${node} ${name}`;
      wanted.set(id, sum);
      const execute = 'x-debug-block-dirty-bitmap-sha256';
      commands.push({ execute, arguments: { node, name }, id });
    }
    commands.push({ execute: 'blockdev-del', arguments: { 'node-name': node } });
  }
  commands.push({ execute: 'quit' });
  const problems: string[] = [];
  for (const { id = '', error, ...reply } of await converse(commands)) {
    if (error !== undefined) problems.push(`QEMU, of ${id}: ${error.desc}`);
    const sum = wanted.get(id);
    if (sum !== undefined && error === undefined && reply.return?.sha256 !== sum) {
      problems.push(`QEMU reads other bits of ${id}`);
    }
    wanted.delete(id);
  }
  if (wanted.size > 0) problems.push(`QEMU did not answer about ${wanted.size} bitmaps`);
  return problems;
}

async function converse(commands: readonly Command[]): Promise<readonly Reply[]> {
  const args = ['--chardev', 'stdio,id=qmp', '--monitor', 'chardev=qmp'];
  const input = commands.map((command) => `${JSON.stringify(command)}\n`).join('');
  const { output } = await outputOf('qemu-storage-daemon', args, input);
  return output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): Reply => JSON.parse(line));
}

async function outputOf(
  program: string,
  args: readonly string[],
  input = '',
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, output: stdout === '' ? stderr : stdout });
      else reject(new Error(`${program}: ${stderr}`, { cause: error }));
    });
    // One that ends early says so by its exit code.
    child.stdin!.on('error', () => {}).end(input);
  });
}
