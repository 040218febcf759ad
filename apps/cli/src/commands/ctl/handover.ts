import { buildCommand, numberParser } from '@stricli/core';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';
import { nodePositional, socketPositional } from './positionals.ts';

interface Flags extends OutputFlags {
  readonly to: string;
  readonly path?: string;
  readonly listen?: string;
  readonly tlsCreds?: string;
  readonly targetTlsCreds?: string;
  readonly timeout?: number;
}

const text = { kind: 'parsed', parse: String, optional: true } as const;

export const handover = buildCommand<Flags, [socket: string, node: string]>({
  async func(flags, socket, node) {
    const { handOver } = await import('../../control/hand-over.ts');
    const { to: target, path, listen, tlsCreds, targetTlsCreds, timeout } = flags;
    const wish = { source: socket, target, node, path, listen, tlsCreds, targetTlsCreds, timeout };
    const { file } = await handOver(wish);
    print(flags, { node, from: socket, to: target, file }, () => [
      `'${node}' is with the daemon at ${target} now, with its bitmaps and exports`,
    ]);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      to: {
        kind: 'parsed',
        parse: String,
        brief: 'QMP socket of the daemon that is to have the drive',
        placeholder: 'SOCKET',
      },
      path: {
        ...text,
        brief: "the drive's file as that daemon sees it; left out, the same path",
        placeholder: 'PATH',
      },
      listen: {
        ...text,
        brief: 'where that daemon waits for the drive: a path, or HOST:PORT with TLS',
        placeholder: 'ADDRESS',
      },
      tlsCreds: {
        ...text,
        brief: "id of the source's --object tls-creds-..., endpoint=client",
        placeholder: 'ID',
      },
      targetTlsCreds: {
        ...text,
        brief: "id of the target's --object tls-creds-..., endpoint=server",
        placeholder: 'ID',
      },
      timeout: {
        kind: 'parsed',
        parse: numberParser,
        optional: true,
        brief: 'seconds for each answer; 30 if left out',
        placeholder: 'SECONDS',
      },
    },
    positional: { kind: 'tuple', parameters: [socketPositional, nodePositional] },
  },
  docs: {
    brief: 'hand a drive over to another daemon while it is written',
    fullDescription: withExamples(
      [
        'Writes wait while it goes; clients are hung up on then, and find it at the other daemon. If it',
        'fails, the message says who has the drive. See docs/hand-over.md.',
      ],
      ['tidemark ctl handover /run/a.qmp vm --to /run/b.qmp'],
    ),
  },
});
