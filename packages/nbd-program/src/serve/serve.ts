import { writeFile } from 'node:fs/promises';
import { systemErrorOf } from '@tidemark/img';
import type { NbdExport } from '@tidemark/nbd';
import { NbdFailure } from '../failure.ts';
import type { NbdHost } from '../host.ts';
import type { NbdOptions } from '../options/nbd-options.ts';
import { serverTlsOf } from '../options/tls.ts';
import { listen } from './listen.ts';
import { openServed, type Served } from './open-served.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Serves until a signal comes or, unless it is to go on, the last client is gone; then stores the
 * bitmaps. @param ready called when clients can connect. @throws in qemu-nbd's words
 */
export async function serve(options: NbdOptions, host: NbdHost, ready: () => void): Promise<void> {
  const tls = serverTlsOf(options);
  const stop = Promise.withResolvers<void>();
  // Stays on while we close: a second signal must not cut the closing short.
  for (const signal of SIGNALS) process.on(signal, () => stop.resolve());
  const served = await openServed(options, options.file!, host);
  const { tracked } = served;
  try {
    await using _server = await listen(options, host, {
      exported: exportOf(served, options),
      tls,
      onClientGone: ({ hasEntered, left }) => {
        if (hasEntered && left === 0 && !options.persistent) stop.resolve();
      },
    });
    if (options.pidFile !== undefined) await writePid(options.pidFile);
    ready();
    await stop.promise;
    // Or the server would wait for writes that wait for the disk to be mended.
    tracked.endWaiting();
  } finally {
    await tracked.close();
  }
}

function exportOf(served: Served, options: NbdOptions): NbdExport {
  const { exportName, description, shared, allocationDepth, discards, readOnly } = options;
  const { drive, tracked, behind, device, smallestBlock, takesAnyBlock } = served;
  // QEMU offers them last to first.
  const names = options.bitmaps.toReversed();
  return {
    name: exportName,
    device,
    readOnly,
    multiConn: shared !== 1,
    blockSize: { minimum: smallestBlock },
    takesAnyBlock,
    // QEMU tells of each; a read that is no larger than a cluster of the usual size is not worth a search.
    ...(drive.image && { smallestHole: Math.min(drive.image.info.clusterSize, 65_536) }),
    discards,
    allocationDepth,
    bitmaps: () => {
      const readers = new Map(tracked.readers().map((reader) => [reader.name, reader]));
      return names.flatMap((name) => {
        const content = behind.get(name);
        return readers.get(name) ?? (content ? { name, content: () => content } : []);
      });
    },
    ...(description !== undefined && { description }),
  };
}

async function writePid(path: string): Promise<void> {
  try {
    await writeFile(path, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    const why = systemErrorOf(error) ?? String(error);
    throw new NbdFailure(`Could not create '${path}': ${why}`, { cause: error });
  }
}
