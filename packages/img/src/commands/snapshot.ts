import { notOffered, usageFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { openImage } from '../open/open-image.ts';
import { snapshotTable } from '../text/snapshot-list.ts';
import { Naming } from './naming.ts';
import { readArguments } from './read-arguments.ts';

export async function snapshot(words: readonly string[], host: ImgHost): Promise<number> {
  let action: string | undefined;
  let share = false;
  const naming = new Naming(host);
  const spec = { short: 'la:c:d:qU', long: ['force-share:U'], naming };
  const rest = readArguments(words, spec, (key) => {
    if (key === 'U') share = true;
    if (key === 'U' || key === 'q') return;
    if (action !== undefined) throw usageFailure("Cannot mix '-l', '-a', '-c', '-d'");
    action = key;
  });
  const [name] = rest;
  if (name === undefined || rest.length !== 1) throw usageFailure('Expecting one image file name');
  if (action !== undefined && action !== 'l') throw notOffered(`snapshot -${action}`);
  // Without an action qemu-img opens it as for one that changes it, and does nothing.
  const writable = action === undefined;
  const options = { share, writable, lock: 'look', skipBacking: true } as const;
  const image = await openImage(name, { ...naming.options, ...options });
  try {
    if (action === 'l') host.out(snapshotTable((await image.qcow2?.snapshots()) ?? []));
  } finally {
    await image.disk.close();
  }
  return 0;
}
