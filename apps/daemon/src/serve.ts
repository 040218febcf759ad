import { type NbdAddress, startNbdServer } from '@tidemark/nbd';
import { packageVersion } from '@tidemark/program';
import { QmpServer } from '@tidemark/qmp';
import type { ServedDrive } from './compose.ts';
import { nbdExport } from './nbd-export.ts';
import type { DaemonOptions, NbdServing } from './options/parse-options.ts';
import { qmpTarget } from './qmp-target.ts';

/** What clients talk to. */
export interface Servers {
  /** Where NBD clients connect, with the port that the system chose. */
  readonly nbd: NbdAddress | undefined;
  /** Takes no more requests, and answers those under way. */
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly log: (message: string) => void;
  /** Called when a client asks the program to end. */
  readonly quit: () => void;
}

/** Listens where the options say; the drives record already. @throws as the servers do */
export async function startServers(
  { nbdServer, qmp, checkpoints }: DaemonOptions,
  drives: readonly ServedDrive[],
  { log, quit }: ServeOptions,
): Promise<Servers> {
  const started: Pick<Servers, 'close'>[] = [];
  let nbd: NbdAddress | undefined;
  const close = async () => {
    for (const server of started) await server.close();
  };
  try {
    if (qmp !== undefined) {
      const server = new QmpServer({
        target: qmpTarget({ drives, checkpoints, log, quit }),
        product: `tidemark ${packageVersion(import.meta.url)}`,
      });
      await server.listen(qmp);
      started.unshift(server);
    }
    if (nbdServer !== undefined) {
      const exports = drives.filter(({ planned }) => planned.option.exported).map(nbdExport);
      // First to be closed: a command that runs meanwhile still finds its drives.
      const server = await startNbdServer({ ...nbdServing(nbdServer), exports, log });
      nbd = server.address;
      started.unshift(server);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { nbd, close };
}

function nbdServing({ address, tls, exposed, limits }: NbdServing) {
  return { address, limits, ...(tls && { tls }), ...(exposed && { exposed }) };
}
