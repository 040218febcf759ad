import { isTidemarkError } from '@tidemark/core';
import { ImgFailure, type NbdConnector, type NbdTarget, systemErrorOf } from '@tidemark/img';
import { connectNbd, type NbdClientTls, type NbdDevice } from '@tidemark/nbd';
import { namedClientTls } from './options/tls.ts';

const BASE_ALLOCATION = 'base:allocation';

/**
 * Connects to the NBD server that an image of `tidemark img` is on.
 * @throws as `connectNbd`, in qemu-img's words where it has some
 */
export const connectForImg: NbdConnector = async (target, objects) => {
  const { context = BASE_ALLOCATION } = target;
  const device = await connect(target, objects);
  if (device.contexts.includes(context)) {
    const status = (offset: number, length: number) =>
      device.contextExtents(context, offset, length);
    return { device, status };
  }
  if (context === BASE_ALLOCATION) return { device };
  await device.close();
  throw new ImgFailure(`the server tells nothing of '${context}'`);
};

async function connect(target: NbdTarget, objects: readonly string[]): Promise<NbdDevice> {
  const { uri, address, context = BASE_ALLOCATION } = target;
  const tls = tlsOf(target, objects);
  const contexts = context === BASE_ALLOCATION ? [] : [context];
  try {
    return await connectNbd(uri, { contexts, ...(tls && { tls }) });
  } catch (error) {
    throw wordConnectError(error, address);
  }
}

function tlsOf(target: NbdTarget, objects: readonly string[]): NbdClientTls | undefined {
  const { tlsCreds: creds, tlsHostname, address } = target;
  if (creds === undefined) return undefined;
  const host = target.uri.startsWith('nbd+unix:') ? '' : address.replace(/:\d+$/, '');
  return namedClientTls(objects, { creds, hostname: tlsHostname ?? host });
}

function wordConnectError(error: unknown, address: string): unknown {
  if (!isTidemarkError(error)) return error;
  const { code } = error;
  const system = systemErrorOf(error);
  if (system !== undefined) {
    return new ImgFailure(`Failed to connect to '${address}': ${system}`, { code, cause: error });
  }
  if (code !== 'FILE_NOT_FOUND') return error;
  const said = /has no such export: (.*)$/s.exec(error.message)?.[1];
  const after = said === undefined ? '' : `server reported: ${said}\n`;
  return new ImgFailure('Requested export not available', { code, after, cause: error });
}
