import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ROOT } from '../../docs/pages.ts';
import { type Declared, exportsOf } from './declarations.ts';

/** A page of the reference of a package. */
export interface ApiPage {
  /** The package. */
  readonly name: string;
  readonly place: string;
  readonly markdown: string;
}

interface Manifest {
  readonly name: string;
  readonly description: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, { readonly types?: string }>>;
}

const KINDS = { function: 'Functions', class: 'Classes', constant: 'Constants', type: 'Types' };

/** A page for each package that is published, from the declarations of its build. */
export function apiPages(): readonly ApiPage[] {
  return globSync('packages/*/package.json', { cwd: ROOT })
    .toSorted()
    .map((path) => ({ folder: dirname(path), manifest: readManifest(path) }))
    .filter(({ manifest }) => manifest.private !== true && manifest.exports !== undefined)
    .map(({ folder, manifest }) => ({
      name: manifest.name,
      place: `api/${folder.replace('packages/', '')}.html`,
      markdown: pageOf(folder, manifest),
    }));
}

/** What each entry of a package exports. */
function entriesOf(
  folder: string,
  { name, exports = {} }: Manifest,
): readonly { readonly entry: string; readonly names: readonly Declared[] }[] {
  return (
    Object.entries(exports)
      // A pattern is how our own programs load parts of it.
      .filter(([path, { types }]) => types !== undefined && !path.includes('*'))
      .map(([path, { types }]) => ({
        entry: name + path.slice(1),
        names: exportsOf(`${ROOT}${folder}/${types}`),
      }))
  );
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(ROOT + path, 'utf8')) as Manifest;
}

function pageOf(folder: string, manifest: Manifest): string {
  const parts = entriesOf(folder, manifest).map(({ entry, names }) => {
    const kinds = Object.entries(KINDS).map(([kind, title]) => {
      const some = names.filter((one) => one.kind === kind);
      if (some.length === 0) return '';
      return `### ${title} of ${entry}\n\n${some.map(declaredText).join('\n')}`;
    });
    return `## ${entry}\n\n${kinds.join('\n')}`;
  });
  const readme = `[${manifest.description}](../${folder}/README.md).`;
  return `# ${manifest.name}\n\n${readme}\n\n${parts.join('\n')}`;
}

function declaredText({ name, doc, code }: Declared): string {
  const tagged = doc.replaceAll(/@(\w+)/g, '**$1**');
  return `#### ${name}\n\n${tagged}\n\n\`\`\`ts\n${code}\n\`\`\`\n`;
}
