import type { SidecarDescription } from '@tidemark/drive';

interface Names {
  readonly id: string;
  readonly socket: string;
}

/** Null: nothing of that kind is needed. */
export interface ConfigTexts {
  /** To be run before each start of QEMU. */
  readonly before: string | null;
  readonly daemon: string | null;
  /** A JSON value for `-blockdev`. */
  readonly blockdev: string;
  /** The value of `-drive`, for a shell. */
  readonly driveOption: string;
  readonly libvirt: string;
}

export function configOf(found: SidecarDescription, names: Names): ConfigTexts {
  return found.kind === 'data-file' ? ofDataFile(found, names) : ofPlain(found, names);
}

/** What is discarded has to be discarded in the drive, too: else it would hold what is gone. */
function ofDataFile({ drive, driveKind, sidecar }: SidecarDescription, { id }: Names): ConfigTexts {
  const isFile = driveKind === 'file';
  const node = {
    driver: 'qcow2',
    'node-name': id,
    discard: 'unmap',
    file: { driver: 'file', filename: sidecar },
    'data-file': { driver: isFile ? 'file' : 'host_device', filename: drive, discard: 'unmap' },
  };
  const source = `<source ${isFile ? 'file' : 'dev'}='${xml(drive)}'/>`;
  return {
    before: `tidemark sidecar lend --format raw --sidecar ${shell(sidecar)} -- ${shell(drive)}`,
    daemon: null,
    blockdev: JSON.stringify(node),
    driveOption: shell(
      `file=${comma(sidecar)},format=qcow2,if=virtio,id=${comma(id)},discard=unmap`,
    ),
    libvirt: [
      "<disk type='file' device='disk'>",
      "  <driver name='qemu' type='qcow2' discard='unmap'/>",
      `  <source file='${xml(sidecar)}'>`,
      `    <dataStore type='${driveKind}'>`,
      "      <format type='raw'/>",
      `      ${source}`,
      '    </dataStore>',
      '  </source>',
      `  <target dev='${targetOf(id)}' bus='virtio'/>`,
      '</disk>',
    ].join('\n'),
  };
}

function ofPlain({ drive, sidecar }: SidecarDescription, { id, socket }: Names): ConfigTexts {
  const server = { type: 'unix', path: socket };
  const node = { driver: 'nbd', 'node-name': id, discard: 'unmap', export: id, server };
  const address = `addr.type=unix,addr.path=${comma(socket)}`;
  return {
    before: null,
    daemon: [
      'tidemarkd',
      `-drive ${shell(`file=${comma(drive)},format=raw,id=${comma(id)},durability=live`)}`,
      `-dirty-bitmap ${shell(`name=NAME,file=${comma(sidecar)}`)}`,
      `--nbd-server ${shell(address)}`,
    ].join(' '),
    blockdev: JSON.stringify(node),
    driveOption: shell(
      `driver=nbd,server.type=unix,server.path=${comma(socket)},export=${comma(id)},` +
        `if=virtio,id=${comma(id)},discard=unmap`,
    ),
    libvirt: [
      "<disk type='network' device='disk'>",
      "  <driver name='qemu' type='raw' discard='unmap'/>",
      `  <source protocol='nbd' name='${xml(id)}'>`,
      `    <host transport='unix' socket='${xml(socket)}'/>`,
      '  </source>',
      `  <target dev='${targetOf(id)}' bus='virtio'/>`,
      '</disk>',
    ].join('\n'),
  };
}

/** What libvirt calls a disk in its guest: by the id, where that is such a name. */
const targetOf = (id: string) => (/^vd[a-z]+$/.test(id) ? id : 'vda');

/** QEMU's options: a comma inside a value is doubled. */
const comma = (value: string) => value.replaceAll(',', ',,');

/** One word of a command line. */
export const shell = (value: string) =>
  /^[\w./:=,@%+-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;

const xml = (value: string) =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&apos;');
