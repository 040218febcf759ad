import { generateHelpTextForAllCommands } from '@stricli/core';
import { buildCli } from '../../apps/cli/src/cli.ts';
import { allRoutes } from '../../apps/cli/src/routes.ts';
import { HELP } from '../../apps/daemon/src/help.ts';

/** A file that is made from what programs say of themselves. */
export interface Page {
  /** From the workspace's root. */
  readonly path: string;
  readonly text: string;
}

/** Reference pages and man pages. The same text everywhere: what `--help` prints. */
export async function referencePages(): Promise<readonly Page[]> {
  const commands = generateHelpTextForAllCommands(buildCli(await allRoutes(), []));
  const named = commands.map(([name, text]) => ({ name, text: text.trimEnd() }));
  return [
    { path: 'docs/reference/tidemark.md', text: markdown(named) },
    {
      path: 'docs/reference/tidemarkd.md',
      text: markdown([{ name: 'tidemarkd', text: HELP.trimEnd() }]),
    },
    {
      path: 'apps/cli/man/tidemark.1',
      text: manual('tidemark', 1, 'dirty bitmaps and backups of virtual disks', named),
    },
    {
      path: 'apps/daemon/man/tidemarkd.8',
      text: manual('tidemarkd', 8, 'serves drives over NBD and tracks every write', [
        { name: 'tidemarkd', text: HELP.trimEnd() },
      ]),
    },
  ];
}

interface Described {
  readonly name: string;
  readonly text: string;
}

function markdown(commands: readonly Described[]): string {
  const [first] = commands;
  const title = commands.length === 1 ? first!.name : first!.name.split(' ')[0]!;
  const sections = commands.map(({ name, text }) => `## ${name}\n\n\`\`\`text\n${text}\n\`\`\`\n`);
  return `# ${title}\n\nMade by \`pnpm reference\` from what the program prints. Do not edit.\n\n${sections.join('\n')}`;
}

function manual(
  name: string,
  section: number,
  brief: string,
  commands: readonly Described[],
): string {
  const parts = commands.map(({ name: command, text }) =>
    [`.SH ${command.toUpperCase()}`, '.nf', ...text.split('\n').map(roff), '.fi'].join('\n'),
  );
  return `.TH ${name.toUpperCase()} ${section}\n.SH NAME\n${name} \\- ${brief}\n${parts.join('\n')}\n`;
}

/** A line that begins with a dot or an apostrophe would be a request. */
function roff(line: string): string {
  const text = line.replaceAll('\\', '\\e').replaceAll('-', '\\-');
  return /^[.']/.test(text) ? `\\&${text}` : text;
}
