import { buildCommand } from '@stricli/core';
import { jsonFlag, withExamples } from '../../flags.ts';
import { count, type OutputFlags, print } from '../../output.ts';
import { placePositional, type RepositoryFlags, secretFlags } from '../../repository/flags.ts';

export const rebuildIndex = buildCommand<OutputFlags & RepositoryFlags, [place: string]>({
  async func(flags, place) {
    const { rebuildIndex: rebuild } = await import('@tidemark/repository');
    const { withRepository } = await import('../../repository/open-place.ts');
    const { rebuilt, problems } = await withRepository(place, flags, rebuild);
    const value = {
      rebuilt,
      problems: problems.map(({ pack, error }) => ({ pack, message: error.message })),
    };
    print(flags, value, () => [
      `made the index of ${count(rebuilt.length, 'pack')} again`,
      ...value.problems.map(({ message }) => message),
    ]);
    const [first] = problems;
    if (first !== undefined) throw first.error;
  },
  parameters: {
    flags: { json: jsonFlag, ...secretFlags },
    positional: { kind: 'tuple', parameters: [placePositional] },
  },
  docs: {
    brief: 'make the indexes of packs again that are lost or damaged',
    fullDescription: withExamples(
      ['Every pack says itself what it holds, so that nothing is lost with its index.'],
      ['tidemark repo rebuild-index /backups/site'],
    ),
  },
});
