import { buildCommand } from '@stricli/core';
import { TidemarkError } from '@tidemark/core';
import { COMPLETE } from '../complete.ts';
import { jsonFlag, withExamples } from '../flags.ts';
import type { OutputFlags } from '../output.ts';
import { say } from '../say.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_tidemark() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(tidemark ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _tidemark tidemark
`,
  zsh: `#compdef tidemark
_tidemark() {
  local -a found
  found=("\${(@f)$(tidemark ${COMPLETE} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "\${found[*]}" ]] && compadd -a found || _files
}
compdef _tidemark tidemark
`,
  fish: `complete -c tidemark -a '(tidemark ${COMPLETE} (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};

export const completion = buildCommand({
  func({ json }: OutputFlags, shell: string) {
    const script = SCRIPTS[shell];
    if (script === undefined) {
      throw new TidemarkError('USAGE', `there are no completions for '${shell}'`, {
        hint: `use one of ${Object.keys(SCRIPTS).join(', ')}`,
      });
    }
    say(1, json ? `${JSON.stringify({ shell, script }, null, 2)}\n` : script);
  },
  parameters: {
    flags: { json: jsonFlag },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'bash, zsh or fish', placeholder: 'SHELL', parse: String }],
    },
  },
  docs: {
    brief: 'print what completes command lines in a shell',
    fullDescription: withExamples(
      ['Prints a script; what it proposes always fits the version that is installed.'],
      [
        'tidemark completion bash > ~/.local/share/bash-completion/completions/tidemark',
        'tidemark completion fish > ~/.config/fish/completions/tidemark.fish',
      ],
    ),
  },
});
