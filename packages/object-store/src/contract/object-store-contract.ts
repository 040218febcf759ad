import type { ObjectStore } from '../object-store.ts';

/** The test runner's own functions, handed in. */
export interface ContractRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
  readonly expect: (value: unknown) => {
    toEqual(expected: unknown): void;
    toBe(expected: unknown): void;
    readonly rejects: { toMatchObject(expected: object): Promise<void> };
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (found: Uint8Array | undefined) => found && new TextDecoder().decode(found);

async function keysOf(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys.toSorted();
}

/** What every store has to keep to. `open` gives an empty store of its own for each test. */
export function objectStoreContract(
  name: string,
  { describe, it, expect }: ContractRunner,
  open: () => Promise<ObjectStore>,
): void {
  describe(`${name}: ObjectStore contract`, () => {
    it('gives an object back, whole and in part', async () => {
      await using store = await open();
      expect(await store.putIfAbsent('packs/ab/cd', bytes('content'))).toBe(true);
      expect(textOf(await store.get('packs/ab/cd'))).toBe('content');
      expect(textOf(await store.get('packs/ab/cd', { offset: 3, length: 2 }))).toBe('te');
      expect(textOf(await store.get('packs/ab/cd', { offset: 3, length: 4 }))).toBe('tent');
    });

    it('keeps objects without a byte', async () => {
      await using store = await open();
      await store.putIfAbsent('empty', bytes(''));
      expect(textOf(await store.get('empty'))).toBe('');
    });

    it('takes a copy, and gives one', async () => {
      await using store = await open();
      const given = Buffer.alloc(7, 'content');
      await store.putIfAbsent('a', given);
      given.fill(0);
      (await store.get('a')).fill(0);
      expect(textOf(await store.get('a'))).toBe('content');
    });

    it('takes an object piece by piece, and knows its key at the end', async () => {
      await using store = await open();
      const write = async (key: string, ...parts: readonly string[]) => {
        const writer = store.newObject?.();
        if (writer === undefined) return store.putIfAbsent(key, bytes(parts.join('')));
        await Promise.all(parts.map(async (part) => writer.append(bytes(part))));
        const isNew = await writer.finish(key);
        await writer.abandon();
        return isNew;
      };
      expect(await write('packs/ab/cd', 'con', 'te', 'nt')).toBe(true);
      expect(await write('packs/ab/cd', 'other')).toBe(false);
      expect(textOf(await store.get('packs/ab/cd'))).toBe('content');
      const left = store.newObject?.();
      await left?.append(bytes('never'));
      await left?.abandon();
      expect(await keysOf(store, '')).toEqual(['packs/ab/cd']);
    });

    it('never changes an object', async () => {
      await using store = await open();
      await store.putIfAbsent('a', bytes('first'));
      expect(await store.putIfAbsent('a', bytes('second'))).toBe(false);
      expect(textOf(await store.get('a'))).toBe('first');
    });

    it('lets one of many writers store an object', async () => {
      await using store = await open();
      const writers = Array.from({ length: 8 }, async (_, index) =>
        store.putIfAbsent('packs/one', bytes(String(index))),
      );
      const results = await Promise.all(writers);
      expect(results.filter(Boolean).length).toBe(1);
      expect(textOf(await store.get('packs/one'))).toBe(String(results.indexOf(true)));
    });

    it('says what it does not have', async () => {
      await using store = await open();
      await expect(store.get('none')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
      await store.delete('none');
      expect(await keysOf(store, 'none/')).toEqual([]);
      expect(await store.readReference('refs/none')).toBe(undefined);
    });

    it('refuses a range behind the end of an object', async () => {
      await using store = await open();
      await store.putIfAbsent('a', bytes('12345'));
      const reading = store.get('a', { offset: 3, length: 3 });
      await expect(reading).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
    });

    it('lists objects by prefix, with their sizes', async () => {
      await using store = await open();
      for (const key of ['packs/ab/1', 'packs/ab/2', 'packs/c/3', 'packs-not', 'index/1']) {
        await store.putIfAbsent(key, bytes(key));
      }
      expect(await keysOf(store, 'packs/')).toEqual(['packs/ab/1', 'packs/ab/2', 'packs/c/3']);
      expect(await keysOf(store, 'packs/ab/')).toEqual(['packs/ab/1', 'packs/ab/2']);
      for await (const { key, size } of store.list('index/')) expect(size).toBe(key.length);
    });

    it('lists many objects, each once', async () => {
      await using store = await open();
      const keys = Array.from({ length: 120 }, (_, i) => `many/${String(i).padStart(4, '0')}`);
      await Promise.all(keys.map(async (key) => store.putIfAbsent(key, bytes('.'))));
      expect(await keysOf(store, 'many/')).toEqual(keys);
    });

    it('removes objects', async () => {
      await using store = await open();
      await store.putIfAbsent('a', bytes('1'));
      await store.delete('a');
      await expect(store.get('a')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
      expect(await store.putIfAbsent('a', bytes('2'))).toBe(true);
    });

    it('swaps a reference only from the state that is expected', async () => {
      await using store = await open();
      const first = await store.swapReference('refs/main', undefined, bytes('1'));
      expect(await store.swapReference('refs/main', undefined, bytes('x'))).toBe(undefined);
      const second = await store.swapReference('refs/main', first, bytes('2'));
      expect(await store.swapReference('refs/main', first, bytes('x'))).toBe(undefined);
      const found = await store.readReference('refs/main');
      expect(textOf(found?.bytes)).toBe('2');
      expect(found?.version).toBe(second);
    });

    it('notices a state that came back', async () => {
      await using store = await open();
      const first = await store.swapReference('refs/main', undefined, bytes('1'));
      const second = await store.swapReference('refs/main', first, bytes('2'));
      await store.swapReference('refs/main', second, bytes('3'));
      expect(await store.swapReference('refs/main', second, bytes('x'))).toBe(undefined);
    });

    it('loses none of the swaps of many writers', async () => {
      await using store = await open();
      const add = async (word: string) => {
        for (;;) {
          const found = await store.readReference('refs/main');
          const words = textOf(found?.bytes) ?? '';
          if (words.includes(word)) return;
          await store.swapReference('refs/main', found?.version, bytes(words + word));
        }
      };
      const words = Array.from({ length: 6 }, (_, index) => `${index};`);
      await Promise.all(words.map(add));
      const found = textOf((await store.readReference('refs/main'))?.bytes) ?? '';
      expect([...found.matchAll(/\d;/g)].map(([word]) => word).toSorted()).toEqual(words);
    });

    it('is used no more when it is closed', async () => {
      const store = await open();
      await store.close();
      await store.close();
      await expect(store.get('a')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    });
  });
}
