import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** What a package depends on, by whomever, that others wrote: under the licence that it shares. */
export function noticesOf(folder: string): string {
  const byText = new Map<string, string[]>();
  for (const other of [...dependenciesOf(folder)].toSorted()) {
    const { name, version, license = 'see its text' } = manifestOf(other);
    if (name.startsWith('@tidemark/')) continue;
    const text = licenceOf(other);
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${version}, ${license}`]);
  }
  const notices = Array.from(byText, ([text, names]) => `${names.join('\n')}\n\n${text}\n`);
  return notices.join('\n----\n\n');
}

function dependenciesOf(folder: string, found = new Set<string>()): Set<string> {
  for (const name of Object.keys(manifestOf(folder).dependencies ?? {})) {
    const other = installed(folder, name);
    if (other === undefined || found.has(other)) continue;
    found.add(other);
    dependenciesOf(other, found);
  }
  return found;
}

function installed(from: string, name: string): string | undefined {
  for (let at = realpathSync(from); ; at = dirname(at)) {
    const path = `${at}/node_modules/${name}`;
    if (existsSync(path)) return realpathSync(path);
    if (at === dirname(at)) return undefined;
  }
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest;
}

function licenceOf(folder: string): string {
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)/i.test(name));
  return file === undefined ? '' : readFileSync(`${folder}/${file}`, 'utf8').trim();
}
