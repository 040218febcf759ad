import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageInfo, runImg } from '@tidemark/img';

const path = join(await mkdtemp(join(tmpdir(), 'img-')), 'disk.qcow2');
const host = { out: console.log, err: console.error };

await runImg(['create', '-q', '-f', 'qcow2', path, '1G'], host); // resolves to the exit code
await runImg(['bitmap', '--add', '-g', '64k', path, 'nightly'], host);

const [info] = await imageInfo(path, { warn: console.error });
console.log(info?.virtualSize, info?.bitmaps[0]?.name, info?.bitmaps[0]?.flags);
