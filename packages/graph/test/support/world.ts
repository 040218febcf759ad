import { readFileSync } from 'node:fs';
import { BlockGraph, type GraphEvent, type NodeOptions } from '../../src/index.ts';

export const MIB = 1024 * 1024;
export const GRANULE = 65_536;

/** A graph, and what it has told. */
export interface World extends AsyncDisposable {
  readonly graph: BlockGraph;
  readonly events: GraphEvent[];
  readonly notices: string[];
}

export function newWorld(): World {
  const notices: string[] = [];
  const graph = new BlockGraph({ log: (notice) => void notices.push(notice) });
  const events: GraphEvent[] = [];
  graph.listen((event) => void events.push(event));
  return { graph, events, notices, [Symbol.asyncDispose]: () => graph.close() };
}

export function memory(name: string, size = MIB): NodeOptions {
  return { driver: 'memory', 'node-name': name, size };
}

export function qcow2(name: string, filename: string): NodeOptions {
  return { driver: 'qcow2', 'node-name': name, file: { driver: 'file', filename } };
}

export function raw(name: string, filename: string): NodeOptions {
  return { driver: 'raw', 'node-name': name, file: { driver: 'file', filename } };
}

export async function contentOf({ graph }: World, name: string): Promise<Buffer> {
  const { device } = graph.nodes.get(name)!;
  const bytes = Buffer.alloc(device.size);
  await device.read(bytes, 0);
  return bytes;
}

export async function write(
  { graph }: World,
  name: string,
  offset: number,
  length: number,
  byte: number,
): Promise<void> {
  await graph.nodes.get(name)!.device.write(Buffer.alloc(length, byte), offset);
}

/** Dirty bytes of a bitmap, or undefined where it is not there. */
export async function countOf(
  { graph }: World,
  node: string,
  name: string,
): Promise<number | undefined> {
  const drive = await graph.nodes.get(node)!.drive();
  return (await drive.list()).find((bitmap) => bitmap.name === name)?.count;
}

/** Resolves when the job is in one of these states, or is gone. */
export async function jobIs({ graph }: World, id: string, ...wanted: string[]): Promise<void> {
  const isThere = () => {
    const status = graph.jobs.get(id)?.status;
    return status === undefined || wanted.includes(status);
  };
  while (!isThere()) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const unlisten = graph.listen(() => resolve());
    await promise;
    unlisten();
  }
}

/** The events of a job, by their names, and by their states where they tell one. */
export function told({ events }: World, id: string): readonly string[] {
  return events
    .filter(({ data }) => data['id'] === id || data['device'] === id)
    .map(({ name, data }) => (name === 'JOB_STATUS_CHANGE' ? String(data['status']) : name));
}

export function bytesOf(...paths: readonly string[]): readonly string[] {
  return paths.map((path) => readFileSync(path).toString('base64'));
}
