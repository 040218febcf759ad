import { basename } from 'node:path';
import type { IntentFileHandle, IntentFileSystem } from '@tidemark/checkpoint';

interface File {
  content: Uint8Array;
  /** What a sync made durable. */
  durable: Uint8Array;
}

/** A change of names that no sync of the folder covers. */
type NameChange =
  | { readonly op: 'link'; readonly name: string; readonly file: File }
  | { readonly op: 'rename'; readonly from: string; readonly to: string }
  | { readonly op: 'unlink'; readonly name: string };

/** Chooses what of that which is not durable survives. */
export type Survives = () => boolean;

const EMPTY = new Uint8Array(0);

/**
 * One folder of files with a volatile cache: content is durable after a sync of the file, names are
 * after a sync of the folder.
 */
export class VolatileFiles implements IntentFileSystem {
  /** Called before each call; may throw, and then nothing is done. */
  before: (call: string) => void = () => {};
  /** Called when something has changed. */
  changed: () => void = () => {};
  readonly #names: Map<string, File>;
  readonly #durable: Map<string, File>;
  #pending: NameChange[] = [];
  #frozen: ((survives: Survives) => VolatileFiles) | undefined;

  constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
    const made = [...files].map(
      ([name, content]) => [name, { content, durable: content }] as const,
    );
    this.#names = new Map(made);
    this.#durable = new Map(made);
  }

  get names(): readonly string[] {
    return [...this.#names.keys()];
  }

  /** What a power cut leaves of the folder as it is now; the same function until it changes. */
  freeze(): (survives: Survives) => VolatileFiles {
    this.#frozen ??= freeze(this.#durable, this.#pending);
    return this.#frozen;
  }

  /** Puts bytes there, as nothing of ours would. */
  plant(name: string, content: Uint8Array): void {
    const file = { content, durable: content };
    this.#names.set(name, file);
    this.#durable.set(name, file);
  }

  async open(path: string, flags: string): Promise<IntentFileHandle> {
    this.before(`open ${flags}`);
    const name = basename(path);
    if (name === FOLDER) return this.#folder();
    // The folder above it, in which it is for good.
    if (name === '') return { ...this.#folder(), sync: async () => this.before('sync above') };
    let file = this.#names.get(name);
    if (flags === 'w') {
      if (file === undefined) {
        file = { content: EMPTY, durable: EMPTY };
        this.#change({ op: 'link', name, file });
      } else this.#write(file, EMPTY);
    }
    if (file === undefined) throw failure('ENOENT');
    return this.#handle(file);
  }

  async mkdir(): Promise<void> {
    this.before('mkdir');
    throw failure('EEXIST');
  }

  async readdir(): Promise<string[]> {
    this.before('readdir');
    return [...this.#names.keys()];
  }

  async rename(from: string, to: string): Promise<void> {
    this.before('rename');
    this.#change({ op: 'rename', from: basename(from), to: basename(to) });
  }

  async unlink(path: string): Promise<void> {
    this.before('unlink');
    if (!this.#names.has(basename(path))) throw failure('ENOENT');
    this.#change({ op: 'unlink', name: basename(path) });
  }

  #change(change: NameChange): void {
    apply(this.#names, change);
    this.#pending.push(change);
    this.#noteChange();
  }

  #write(file: File, content: Uint8Array): void {
    file.content = content;
    this.#noteChange();
  }

  #noteChange(): void {
    this.#frozen = undefined;
    this.changed();
  }

  #handle(file: File): IntentFileHandle {
    return {
      readFile: async () => file.content.slice(),
      stat: async () => ({ size: file.content.length }),
      writeFile: async (bytes) => {
        this.before('write');
        this.#write(file, bytes.slice());
      },
      sync: async () => {
        this.before('sync');
        file.durable = file.content;
        this.#noteChange();
      },
      close: async () => {},
    };
  }

  #folder(): IntentFileHandle {
    return {
      ...this.#handle({ content: EMPTY, durable: EMPTY }),
      sync: async () => {
        this.before('sync folder');
        for (const change of this.#pending) apply(this.#durable, change);
        this.#pending = [];
        this.#noteChange();
      },
    };
  }
}

/** The name of the folder itself. */
export const FOLDER = 'checkpoints';

function apply(names: Map<string, File>, change: NameChange): void {
  if (change.op === 'link') names.set(change.name, change.file);
  else if (change.op === 'unlink') names.delete(change.name);
  else {
    const file = names.get(change.from);
    names.delete(change.from);
    if (file !== undefined) names.set(change.to, file);
  }
}

function freeze(durable: ReadonlyMap<string, File>, pending: readonly NameChange[]) {
  const copies = new Map<File, File>();
  const copyOf = (file: File): File => {
    const copy = copies.get(file) ?? { ...file };
    copies.set(file, copy);
    return copy;
  };
  const kept = [...durable].map(([name, file]) => [name, copyOf(file)] as const);
  const changes = pending.map((change) =>
    change.op === 'link' ? { ...change, file: copyOf(change.file) } : change,
  );
  return (survives: Survives): VolatileFiles => {
    const names = new Map(kept);
    for (const change of changes) if (survives()) apply(names, change);
    const files = [...names].map(([name, { content, durable: synced }]) => {
      if (content === synced || survives()) return [name, content] as const;
      return [name, survives() ? content.slice(0, 20) : synced] as const;
    });
    return new VolatileFiles(new Map(files));
  };
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
