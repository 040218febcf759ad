import { usageFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import { formatImgSize } from '../text/format-size.ts';
import { formatJson, type Json } from '../text/json.ts';
import { snapshotJson, snapshotTable } from '../text/snapshot-list.ts';
import { type ImageInfo, imageInfo } from '../work/image-info.ts';
import { Naming } from './naming.ts';
import { type OutputFormat, outputFormat } from './output-format.ts';
import { readArguments } from './read-arguments.ts';

export async function info(words: readonly string[], host: ImgHost): Promise<number> {
  let format: string | undefined;
  let output: OutputFormat = 'human';
  let [chain, share] = [false, false];
  const naming = new Naming(host);
  const long = ['format=:f', 'output=', 'backing-chain', 'force-share:U'];
  const spec = { short: 'f:U', long, naming };
  let outputText = 'human';
  const rest = readArguments(words, spec, (key, value) => {
    if (key === 'f') format = value;
    else if (key === 'U') share = true;
    else if (key === 'output') outputText = value;
    else chain = true;
  });
  const [name] = rest;
  if (name === undefined || rest.length !== 1) throw usageFailure('Expecting one image file name');
  output = outputFormat(outputText);
  const infos = await imageInfo(name, { ...naming.options, format, share, chain });
  if (output === 'json') {
    const values = infos.map(toJson);
    host.out(`${formatJson(chain ? values : values[0]!)}\n`);
  } else {
    host.out(infos.map(toText).join('\n'));
  }
  return 0;
}

function toText(image: ImageInfo): string {
  const { qcow2, virtualSize } = image;
  const lines = [
    `image: ${image.path}`,
    `file format: ${image.format}`,
    `virtual size: ${formatImgSize(virtualSize)} (${virtualSize} bytes)`,
    `disk size: ${image.actualSize === undefined ? 'unavailable' : formatImgSize(image.actualSize)}`,
  ];
  if (qcow2 === undefined) return `${lines.join('\n')}\n`;
  if (qcow2.encryption !== 'none') lines.push('encrypted: yes');
  lines.push(`cluster_size: ${qcow2.clusterSize}`);
  if (qcow2.dirty) lines.push('cleanly shut down: no');
  const { backing } = qcow2;
  if (backing !== undefined) {
    const { name, format } = backing;
    const place = image.backingPath;
    lines.push(`backing file: ${name}${place === name ? '' : ` (actual path: ${place})`}`);
    if (format !== undefined) lines.push(`backing file format: ${format}`);
  }
  const specific = dump(specificOf(image), '    ');
  const head = `${lines.join('\n')}\n${snapshotTable(image.snapshots)}`;
  return `${head}Format specific information:\n${specific}`;
}

type Specific = Readonly<Record<string, Json | undefined>>;

/** In the order in which qemu-img prints it, under the names of its JSON. */
function specificOf({ qcow2, bitmaps }: ImageInfo): Specific {
  if (qcow2 === undefined) return {};
  const old = {
    compat: qcow2.version === 2 ? '0.10' : '1.1',
    'compression-type': qcow2.compressionType,
  };
  const encrypt = qcow2.encryption === 'none' ? undefined : { format: qcow2.encryption };
  if (qcow2.version === 2) return { ...old, 'refcount-bits': qcow2.refcountBits, encrypt };
  const { dataFile } = qcow2;
  return {
    ...old,
    'lazy-refcounts': qcow2.lazyRefcounts,
    bitmaps:
      bitmaps.length === 0
        ? undefined
        : bitmaps.map(({ flags, name, granularity }) => ({ flags, name, granularity })),
    'refcount-bits': qcow2.refcountBits,
    encrypt,
    'data-file': dataFile?.name,
    'data-file-raw': dataFile?.raw,
    corrupt: qcow2.corrupt,
    'extended-l2': qcow2.extendedL2,
  };
}

/** Members and elements below one another, names with blanks for dashes. */
function dump(value: Specific | readonly Json[], indent: string): string {
  const isList = Array.isArray(value);
  return Object.entries(value)
    .map(([key, member]) => {
      if (member === undefined) return '';
      const name = isList ? `[${key}]` : key.replaceAll('-', ' ');
      if (typeof member !== 'object') return `${indent}${name}: ${member}\n`;
      return `${indent}${name}:\n${dump(member, `${indent}    `)}`;
    })
    .join('');
}

function toJson(image: ImageInfo): Json {
  const { qcow2, snapshots } = image;
  const { backing } = qcow2 ?? {};
  return {
    'backing-filename-format': backing?.format,
    snapshots: snapshots.length === 0 ? undefined : snapshots.map(snapshotJson),
    'virtual-size': image.virtualSize,
    filename: image.path,
    'cluster-size': qcow2?.clusterSize,
    format: image.format,
    'actual-size': image.actualSize,
    'format-specific': qcow2 === undefined ? undefined : { type: 'qcow2', data: specificOf(image) },
    'full-backing-filename': image.backingPath,
    'backing-filename': backing?.name,
    encrypted: qcow2 === undefined || qcow2.encryption === 'none' ? undefined : true,
    'dirty-flag': image.actualSize === undefined ? qcow2?.dirty : (qcow2?.dirty ?? false),
  };
}
