import type { Layer } from '../import-chain.ts';
import { streamChain } from './stream-chain.ts';
import { StreamFile } from './stream-file.ts';
import { StreamSource } from './stream-source.ts';

/** The files of a backup by virtnbdbackup, from the full one to the one that is named. @throws as `streamChain` */
export async function streamLayers(top: string): Promise<readonly Layer[]> {
  const paths = await streamChain(top);
  return paths.map((path, index) => ({
    path,
    open: async (work) => {
      const streams: StreamFile[] = [];
      try {
        for (const each of paths.slice(0, index + 1)) streams.push(await StreamFile.open(each));
        const source = new StreamSource(streams);
        const format = streams[0]!.meta.diskFormat;
        return await work({ source, format, content: source.changes() });
      } finally {
        for (const stream of streams) await stream.close();
      }
    },
  }));
}
