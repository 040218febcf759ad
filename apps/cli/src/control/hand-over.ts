import { stat } from 'node:fs/promises';
import { TidemarkError } from '@tidemark/core';
import type { QmpArguments, QmpControl } from '@tidemark/qmp';
import { withControl } from './with-control.ts';

type ExpectArguments = QmpArguments['x-tidemark-handover-expect'];
type Address = ExpectArguments['addr'];

export interface HandOverWish {
  /** Of the daemon that has the drive. */
  readonly source: string;
  /** Of the daemon that is to have it. */
  readonly target: string;
  readonly node: string;
  /** The drive's file as the target sees it. Default: as the source does. */
  readonly path?: string | undefined;
  /** Where the target listens: a path, or HOST:PORT. Default: beside its QMP socket. */
  readonly listen?: string | undefined;
  /** Ids of objects of either daemon. */
  readonly tlsCreds?: string | undefined;
  readonly targetTlsCreds?: string | undefined;
  /** Seconds for each answer. */
  readonly timeout?: number | undefined;
}

/**
 * Tells the target to expect a drive, and the source to hand it over. Resolves when the target has
 * it. @throws USAGE and the like: who has the drive then stands in the message
 */
export async function handOver(wish: HandOverWish): Promise<{ readonly file: string }> {
  const { source, target, node, tlsCreds, targetTlsCreds, timeout } = wish;
  return withControl(source, async (from) => {
    const options = await optionsFor(from, wish);
    const addr = addressOf(wish.listen ?? `${target}.handover`);
    const to = await withControl(target, (control) =>
      control.call('x-tidemark-handover-expect', {
        node: options,
        addr,
        ...(targetTlsCreds !== undefined && { 'tls-creds': targetTlsCreds }),
      }),
    );
    try {
      await from.call('x-tidemark-handover-start', {
        node,
        to: to.addr,
        ...(tlsCreds !== undefined && { 'tls-creds': tlsCreds }),
        ...(timeout !== undefined && { timeout }),
      });
    } catch (error) {
      // It need not wait for another attempt. It may have the drive, too.
      const cancel = (control: QmpControl) => control.call('x-tidemark-handover-cancel', { node });
      await withControl(target, cancel).catch(() => {});
      throw error;
    }
    return { file: options.file.filename };
  });
}

async function optionsFor(control: QmpControl, { node, path, source }: HandOverWish) {
  const nodes = await control.call('query-named-block-nodes');
  const found = nodes.find((each) => each['node-name'] === node);
  if (found === undefined) {
    const hint = `list them: tidemark ctl drives ${source}`;
    const text = `there is no drive '${node}'`;
    throw new TidemarkError('USAGE', text, { where: source, hint });
  }
  const { drv } = found;
  if (drv !== 'raw' && drv !== 'qcow2') {
    const hint = 'name the node of the format, not that of its file';
    throw new TidemarkError('USAGE', `'${node}' is a node of ${drv}`, { where: source, hint });
  }
  const filename = path ?? found.file;
  const isDevice = (await stat(filename).catch(() => undefined))?.isBlockDevice() === true;
  const file = { driver: isDevice ? 'host_device' : 'file', filename } as const;
  return { driver: drv, 'node-name': node, file } as const;
}

function addressOf(text: string): Address {
  const parts = /^(?<host>\[[^\]]+\]|[^:/]+):(?<port>\d+)$/.exec(text)?.groups;
  if (parts === undefined) return { type: 'unix', path: text };
  const host = parts['host']!.replace(/^\[(.*)\]$/, '$1');
  return { type: 'inet', host, port: parts['port']! };
}
