import { TidemarkError } from '@tidemark/core';
import { KeyValues, type OptionTree, parseOptionTree } from '@tidemark/program';

/** What options of qemu-storage-daemon ask for. They are done in the order in which they stand. */
export type Step =
  | { readonly kind: 'blockdev'; readonly options: OptionTree }
  | { readonly kind: 'nbd-server' }
  | { readonly kind: 'export'; readonly options: OptionTree }
  | { readonly kind: 'monitor'; readonly path: string };

/** What their texts mean, by the names of keys in all of them. */
const TYPES = {
  ...asType('flag', [
    ...['read-only', 'auto-read-only', 'force-share', 'direct', 'no-flush', 'drop-cache'],
    ...['lazy-refcounts', 'pass-discard-request', 'pass-discard-snapshot', 'pass-discard-other'],
    ...['read-zeroes', 'writable', 'writethrough', 'allocation-depth', 'fixed-iothread'],
    ...['abstract', 'tight', 'numeric', 'ipv4', 'ipv6', 'keep-alive', 'mptcp'],
  ]),
  ...asType('integer', [
    ...['size', 'offset', 'aio-max-batch', 'latency-ns', 'reconnect-delay', 'open-timeout', 'to'],
    ...['cache-size', 'l2-cache-size', 'l2-cache-entry-size', 'refcount-cache-size'],
    ...['cache-clean-interval', 'x-tidemark-tracking-bound'],
  ]),
} as const;

function asType<T extends 'flag' | 'integer'>(
  type: T,
  keys: readonly string[],
): Readonly<Record<string, T>> {
  return Object.fromEntries(keys.map((key) => [key, type]));
}

/** `--blockdev`: as QMP's blockdev-add. @throws USAGE */
export function parseBlockdev(text: string): Step {
  return {
    kind: 'blockdev',
    options: parseOptionTree('--blockdev', text, { implied: 'driver', types: TYPES }),
  };
}

/** `--export`: as QMP's block-export-add. @throws USAGE */
export function parseExport(text: string): Step {
  return {
    kind: 'export',
    options: parseOptionTree('--export', text, { implied: 'type', types: TYPES }),
  };
}

/** `--chardev socket,...`: a socket, by the id that monitors name. @throws USAGE */
export function parseChardev(text: string): { readonly id: string; readonly path: string } {
  const option = '--chardev';
  const plain = text.replace(/^backend=/, '');
  if (!/^socket(,|$)/.test(plain)) {
    throw usage(`${option}: '${plain.split(',')[0]}' is not a kind of chardev`, 'use socket');
  }
  // `server` alone means on, `nowait` means wait=off.
  const full = plain
    .slice('socket'.length)
    .replaceAll(/,server(?=,|$)/g, ',server=on')
    .replaceAll(/,nowait(?=,|$)/g, ',wait=off');
  const values = new KeyValues(option, full, ['id', 'path', 'server', 'wait']);
  const [id, path] = [values.required('id'), values.required('path')];
  if (values.flag('server') !== true) throw values.error('it does not listen', 'add server=on');
  if (values.flag('wait') ?? true) {
    throw values.error('it would wait for a client before anything else', 'add wait=off');
  }
  return { id, path };
}

/** `--monitor`: QMP on a chardev. @throws USAGE */
export function parseMonitor(text: string, chardevs: ReadonlyMap<string, string>): Step {
  const option = '--monitor';
  const full = /^[^,=]+(,|$)/.test(text) ? `chardev=${text}` : text;
  const values = new KeyValues(option, full, ['chardev', 'mode', 'pretty', 'id']);
  const id = values.required('chardev');
  values.oneOf('mode', { control: true });
  if (values.flag('pretty') === true) {
    throw values.error("'pretty=on' is not known", 'leave it out');
  }
  const path = chardevs.get(id);
  if (path === undefined) {
    throw values.error(`chardev '${id}' not found`, 'put its --chardev before');
  }
  return { kind: 'monitor', path };
}

function usage(text: string, hint: string): TidemarkError {
  return new TidemarkError('USAGE', text, { hint });
}
