import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Projects with files that take a minute or more. */
const LONG = ['tracking', 'tools', 'drive', 'dashboard', 'img', 'cli', 'daemon', 'repository'];

/**
 * So that no long file is left for the end, where it would run alone. The files of a project stay
 * together: a worker that goes on with the next one has our packages loaded already.
 */
export class LongProjectsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project }: TestSpecification) => LONG.indexOf(project.name) + 1 || Infinity;
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
  }
}
