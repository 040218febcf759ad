import { isDeepStrictEqual } from 'node:util';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError } from '@tidemark/block';
import type { BlockGraph } from '@tidemark/graph';
import { createImageioServer, type ImageioTls } from '@tidemark/imageio';
import { hangUp, hostInHeader, listenAt } from '@tidemark/unix-socket';
import type { ImageioConfig } from '../config/other-apis-schema.ts';
import type { ApiServer } from '../configured/other-apis.ts';
import { GraphImages } from './graph-images.ts';

export interface ServeImageioOptions {
  readonly config: ImageioConfig;
  readonly graph: BlockGraph;
  readonly log: (message: string) => void;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1']);
const isOfLoopback = (header: string) => LOOPBACK.has(hostInHeader(header));

/** @throws as `listenAt`; I/O codes: files of TLS */
export async function serveImageio(options: ServeImageioOptions): Promise<ApiServer> {
  const { config, graph, log } = options;
  const images = new GraphImages(graph, config.images);
  const { listen, tls } = config;
  const server = createImageioServer({
    tickets: images,
    tls: tls && (await readTls(tls.dir)),
    unixSocket: 'unix' in listen ? listen.unix : undefined,
    // Without TLS a port is of this machine, but a page in a browser may know a name that leads to it.
    allowsHost: 'unix' in listen || tls !== undefined ? undefined : isOfLoopback,
    log,
  });
  const address = await listenAt(server, listen, tls === undefined ? 'http' : 'https');
  server.on('error', () => {});
  return {
    address,
    async takes({ imageio: next }) {
      if (next === undefined || !isDeepStrictEqual(placeOf(next), placeOf(config)))
        return undefined;
      const renewed = next.tls && (await readTls(next.tls.dir));
      return () => {
        if (renewed !== undefined && 'setSecureContext' in server) server.setSecureContext(renewed);
        images.change(next.images);
      };
    },
    async close() {
      images.change({});
      await hangUp(server);
    },
  };
}

/** But for who may connect, which is changed in place, and the files of TLS, which are read again. */
function placeOf({ listen, tls }: ImageioConfig): object {
  const where = 'unix' in listen ? { unix: listen.unix } : listen;
  return { where, dir: tls?.dir };
}

async function readTls(dir: string): Promise<ImageioTls> {
  const read = async (name: string) => {
    const path = join(dir, name);
    return readFile(path).catch((error: unknown) => {
      throw fromSystemError(error, path);
    });
  };
  return { cert: await read('server-cert.pem'), key: await read('server-key.pem') };
}
