import * as v from 'valibot';

type Schema = v.GenericSchema & {
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly wrapped?: Schema;
  readonly item?: Schema;
  readonly value?: Schema;
  readonly pipe?: readonly Schema[];
  readonly getter?: (input: unknown) => Schema;
};

/** What decides between two forms of a mapping. */
const SAMPLES = [{}, { unix: '' }, { node: {} }];

/** What the manual says of each key of a schema: a table for each mapping, by its place. */
export function manualOf(schema: v.GenericSchema): string {
  const tables: string[] = [];
  addTables(schema, '', tables);
  // Two forms of a mapping may have a key in common.
  return [...new Set(tables)].join('\n\n');
}

function addTables(schema: Schema, place: string, tables: string[]): void {
  const forms = mappingsIn(schema);
  const rows = new Set<string>();
  const inner: (readonly [Schema, string])[] = [];
  for (const { entries } of forms) {
    for (const [name, entry] of Object.entries(entries!)) {
      rows.add(rowOf(name, entry));
      // A node has a manual of its own: QEMU's.
      if (name !== 'node') inner.push([entry, place === '' ? name : `${place}.${name}`]);
    }
  }
  if (rows.size > 0) {
    const heading = place === '' ? 'the file' : `\`${place}\``;
    tables.push(
      [
        `### ${heading}`,
        '',
        '| key | value | if left out | |',
        '| --- | --- | --- | --- |',
        ...rows,
      ].join('\n'),
    );
  }
  for (const [entry, where] of inner) {
    const found = contentOf(entry);
    if (found !== undefined) addTables(found.schema, `${where}${found.suffix}`, tables);
  }
}

function rowOf(name: string, schema: Schema): string {
  const { kind, text, preset } = metadataOf(schema);
  const isOptional = schema.type === 'exact_optional' || schema.type === 'optional';
  const otherwise = preset ?? (isOptional ? 'none' : '**needed**');
  return `| \`${name}\` | ${kind} | ${otherwise} | ${text} |`;
}

function metadataOf(schema: Schema): Readonly<Record<string, string | undefined>> {
  const own = v.getMetadata(schema) as Readonly<Record<string, string>>;
  return own['text'] === undefined && schema.wrapped !== undefined
    ? metadataOf(schema.wrapped)
    : own;
}

/** What is under a key: a mapping, or what a list or a mapping of names holds. */
function contentOf(
  schema: Schema,
): { readonly schema: Schema; readonly suffix: string } | undefined {
  for (const part of partsOf(schema)) {
    if (part.type === 'record') return { schema: part.value!, suffix: '.NAME' };
    if (part.type === 'array') return { schema: part.item!, suffix: '[]' };
    if (part.entries !== undefined || part.type === 'lazy') return { schema: part, suffix: '' };
  }
  return undefined;
}

function mappingsIn(schema: Schema): readonly Schema[] {
  const found = partsOf(schema).flatMap((part) => {
    if (part.entries !== undefined) return [part];
    return part.type === 'lazy' ? SAMPLES.flatMap((input) => mappingsIn(part.getter!(input))) : [];
  });
  return found.filter(
    (each, i) => found.findIndex((other) => other.entries === each.entries) === i,
  );
}

/** Through what says that it may be left out, and what is checked one after the other. */
function partsOf(schema: Schema): readonly Schema[] {
  if (schema.wrapped !== undefined) return partsOf(schema.wrapped);
  const { pipe } = schema;
  return pipe === undefined
    ? [schema]
    : pipe.flatMap((part) => (part === schema ? [part] : partsOf(part)));
}
