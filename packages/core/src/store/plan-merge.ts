import { DirtyBitmap } from '../dirty-bitmap.ts';
import type { BitmapBackend, DirectoryEntry, StoredMerge } from '../backend.ts';
import type { DirectoryDraft } from './directory-draft.ts';
import { assertAtRest } from './find-usable.ts';
import type { Refusals } from './refusals.ts';

interface MergeRules {
  readonly backend: BitmapBackend;
  readonly refusals: Refusals;
}

interface MergeChange {
  /** The bitmap to merge into: at rest. */
  readonly entry: DirectoryEntry;
  readonly sources: readonly (string | DirtyBitmap)[];
}

/** Parts of bitmaps, whatever they lie in, of one granularity. */
class Parts implements StoredMerge {
  base?: DirtyBitmap;
  sources: readonly DirectoryEntry[] = [];
  readonly #shape: Pick<DirtyBitmap, 'diskSize' | 'granularity'>;

  constructor(shape: Pick<DirtyBitmap, 'diskSize' | 'granularity'>) {
    this.#shape = shape;
  }

  add({ base, sources }: StoredMerge): void {
    if (base !== undefined) this.addContent(base);
    const names = new Set(this.sources.map(({ name }) => name));
    this.sources = [...this.sources, ...sources.filter(({ name }) => !names.has(name))];
  }

  addContent(content: DirtyBitmap): void {
    this.base ??= new DirtyBitmap(this.#shape.diskSize, this.#shape.granularity);
    this.base.merge(content);
  }
}

/** Bits are read where a source is of another granularity, and nowhere else. */
export async function planMerge(
  draft: DirectoryDraft,
  { entry, sources }: MergeChange,
  rules: MergeRules,
): Promise<void> {
  const { diskSize } = rules.backend;
  const { name, granularity, enabled, checkpoint } = entry;
  const parts = new Parts({ diskSize, granularity });
  assertReadable(draft, name, rules);
  parts.add(draft.partsOf(name));
  for (const source of sources) {
    if (source === name) continue;
    if (typeof source === 'string') await addBitmap(draft, { parts, granularity, source }, rules);
    else if (source.diskSize === diskSize) parts.addContent(source);
    else throw rules.refusals.otherSize(name, source.diskSize, diskSize);
  }
  const isKnown = checkpoint !== undefined;
  const next = { name, granularity, enabled, inUse: false, ...(isKnown && { checkpoint }) };
  if (parts.sources.length > 0) draft.merge(next, parts);
  else draft.put(next, parts.base!, 'stored');
}

interface SourceBitmap {
  readonly parts: Parts;
  readonly granularity: number;
  readonly source: string;
}

async function addBitmap(
  draft: DirectoryDraft,
  { parts, granularity, source }: SourceBitmap,
  { backend, refusals }: MergeRules,
): Promise<void> {
  const entry = draft.entries.get(source);
  if (entry === undefined) throw refusals.notFound(source);
  assertAtRest(entry, { acquired: draft.acquired, refusals });
  assertReadable(draft, source, { refusals });
  const own = draft.partsOf(source);
  if (entry.granularity === granularity) parts.add(own);
  else parts.addContent(await readParts(own, { backend, granularity: entry.granularity }));
}

/** Bits that the same commit releases may be written until it is staged: to read them is too early. */
function assertReadable(
  draft: DirectoryDraft,
  name: string,
  { refusals }: Pick<MergeRules, 'refusals'>,
): void {
  if (draft.keepsLiveBits(name)) throw refusals.justReleased(name);
}

interface ReadOptions {
  readonly backend: BitmapBackend;
  readonly granularity: number;
}

async function readParts(
  { base, sources }: StoredMerge,
  { backend, granularity }: ReadOptions,
): Promise<DirtyBitmap> {
  let content = base?.clone();
  for (const source of sources) {
    const bits = await backend.readContent(source);
    if (content === undefined) content = bits;
    else content.merge(bits);
  }
  return content ?? new DirtyBitmap(backend.diskSize, granularity);
}

/** Contents in place of merges, for a backend that can make none. */
export async function readMerges(draft: DirectoryDraft, backend: BitmapBackend): Promise<void> {
  for (const [name, merge] of draft.merges) {
    const entry = draft.entries.get(name)!;
    const { granularity } = entry;
    draft.put(entry, await readParts(merge, { backend, granularity }), 'stored');
  }
}
