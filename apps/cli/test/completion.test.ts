import { describe, expect, it } from 'vitest';
import { TIDEMARK } from '../../../tools/programs.ts';
import { sh } from '../../../tools/qemu.ts';
import { fail, succeed } from './support/tidemark.ts';

/** What bash proposes for the last of these words. */
async function proposed(...words: readonly string[]): Promise<readonly string[]> {
  const script = `
    tidemark() { '${process.execPath}' '${TIDEMARK}' "$@"; }
    source <(tidemark completion bash)
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _tidemark; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { code, stdout } = await sh('bash', '-c', script, 'bash', ...words);
  expect(code).toBe(0);
  return stdout.split('\n').filter((word) => word !== '');
}

describe('completions', () => {
  it('name commands and options in bash', async () => {
    expect(await proposed('tidemark', 'bit')).toEqual(['bitmap']);
    expect(await proposed('tidemark', 'bitmap', 'dis')).toEqual(['disable']);
    expect(await proposed('tidemark', 'bitmap', 'show', '--col')).toEqual([
      '--colour',
      '--columns',
    ]);
    expect(await proposed('tidemark', 'repo', '')).toContain('prune');
  });

  it('are silent where nothing fits, so that files are proposed', async () => {
    expect(await proposed('tidemark', 'nosuch', 'x')).toEqual([]);
  });

  it.each(['zsh', 'fish'])('are there for %s', async (shell) => {
    expect(await succeed('completion', shell)).toContain('tidemark __complete');
  });

  it('are refused for other shells', async () => {
    expect(await fail('completion', 'tcsh')).toMatchObject({ code: 'USAGE', exit: 2 });
  });
});
