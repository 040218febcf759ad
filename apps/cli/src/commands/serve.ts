import { buildCommand, numberParser } from '@stricli/core';
import { withExamples } from '../flags.ts';
import { notice } from '../output.ts';
import { pointDriveFlag, type RepositoryFlags, secretFlags } from '../repository/flags.ts';

interface Flags extends RepositoryFlags {
  readonly driveId?: string;
  readonly socket?: string;
  readonly port?: number;
  readonly name?: string;
}

export const serve = buildCommand<Flags, [point: string]>({
  async func(flags, text) {
    const { servePoint } = await import('../repository/serve-point.ts');
    await servePoint(text, { ...flags, log: notice });
  },
  parameters: {
    flags: {
      socket: {
        kind: 'parsed',
        parse: String,
        brief: 'Unix socket to listen on',
        placeholder: 'PATH',
        optional: true,
      },
      port: {
        kind: 'parsed',
        parse: numberParser,
        brief: 'TCP port of this machine to listen on; when neither is given, 10809',
        placeholder: 'PORT',
        optional: true,
      },
      name: {
        kind: 'parsed',
        parse: String,
        brief: 'name of the export; when left out, the empty one',
        placeholder: 'NAME',
        optional: true,
      },
      driveId: pointDriveFlag,
      ...secretFlags,
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'repository and restore point: its number, the first digits of its id, or latest',
          placeholder: 'REPO@POINT',
          parse: String,
        },
      ],
    },
  },
  docs: {
    brief: 'export a restore point over NBD, read-only, to take files out of it',
    fullDescription: withExamples(
      [
        'Serves the drive as it was, until Ctrl-C. Only this machine can connect to a TCP port. Mounted by',
        'nbd-client, guestmount or qemu-nbd, single files can be taken out of it.',
      ],
      [
        'tidemark serve /backups/site@12 --socket point.sock',
        'tidemark serve s3://backups/site@latest --drive-id vm.qcow2 --key-file key',
      ],
    ),
  },
});
