import { buildCommand } from '@stricli/core';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../../flags.ts';
import { notice, type OutputFlags, print } from '../../output.ts';
import { configOf, shell } from './config-texts.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly id: string;
  readonly socket?: string;
}

export const config = buildCommand<Flags, [drive: string]>({
  async func({ id, socket = `/run/tidemark/${id}.sock`, ...flags }, path) {
    const { describeDriveSidecar } = await import('@tidemark/drive');
    const found = await describeDriveSidecar(path, { ...flags, onNotice: notice });
    if (!found.namesDrive) {
      notice(
        `sidecar '${found.sidecar}' names another drive: 'tidemark sidecar lend' puts it right`,
      );
    }
    const texts = configOf(found, { id, socket });
    print(flags, { ...found, ...texts }, () => [
      ...(texts.before === null ? [] : ['# before each start of QEMU', texts.before, '']),
      ...(texts.daemon === null
        ? []
        : ['# tidemarkd records, QEMU is its client', texts.daemon, '']),
      '# QEMU',
      `-blockdev ${shell(texts.blockdev)}`,
      '',
      '# QEMU, the short form',
      `-drive ${texts.driveOption}`,
      '',
      '# libvirt',
      ...texts.libvirt.split('\n'),
    ]);
  },
  parameters: {
    flags: {
      ...driveFlags,
      id: {
        kind: 'parsed',
        parse: String,
        brief: 'name of the node in QEMU, and of the export in tidemarkd',
        placeholder: 'ID',
        default: 'disk0',
      },
      socket: {
        kind: 'parsed',
        parse: String,
        brief: 'where tidemarkd listens; left out, /run/tidemark/ID.sock',
        placeholder: 'PATH',
        optional: true,
      },
    },
    aliases: { f: 'format' },
    positional: { kind: 'tuple', parameters: [drivePositional] },
  },
  docs: {
    brief: 'how QEMU and libvirt use a drive with its sidecar',
    fullDescription: withExamples(
      [
        'Prints the options of QEMU and the XML of libvirt that go with the kind of the sidecar. QEMU runs',
        'on one of the kind data-file itself; with a plain one it is a client of tidemarkd, which records.',
      ],
      ['tidemark sidecar config disk.raw', 'tidemark sidecar config disk.raw --id vda --json'],
    ),
  },
});
