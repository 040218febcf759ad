import { buildCommand } from '@stricli/core';
import { jsonFlag, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';
import { placePositional, type RepositoryFlags, secretFlags } from '../../repository/flags.ts';

interface Flags extends OutputFlags, RepositoryFlags {
  readonly compression?: 'none' | 'zstd';
}

export const create = buildCommand<Flags, [place: string]>({
  async func(flags, place) {
    const { createRepository } = await import('@tidemark/repository');
    const { openPlace, readSecret } = await import('../../repository/open-place.ts');
    const secret = await readSecret(flags);
    await using store = await openPlace(place);
    const { config } = await createRepository(store, { secret, compression: flags.compression });
    print(flags, { repository: place, ...config }, ({ compression, encryption }) => [
      `made repository ${place}: compression ${compression}, encryption ${encryption}`,
    ]);
  },
  parameters: {
    flags: {
      json: jsonFlag,
      compression: {
        kind: 'enum',
        values: ['none', 'zstd'],
        brief: 'how blocks are stored; when left out, zstd',
        optional: true,
      },
      ...secretFlags,
    },
    positional: { kind: 'tuple', parameters: [placePositional] },
  },
  docs: {
    brief: 'make a repository, for backups of any number of drives',
    fullDescription: withExamples(
      [
        'Makes a repository in a directory or in a bucket. With a passphrase or a key all that it holds is',
        'encrypted; without it nothing can be read again, so keep it elsewhere too.',
      ],
      [
        'tidemark repo create /backups/site',
        "tidemark repo create 's3://backups/site?endpoint=https://ceph.example' --key-file key",
      ],
    ),
  },
});
