import type { LiveTable } from './live-table.ts';

/** Tables that are written in place, by the name of the bitmap. */
export class LiveTables {
  readonly #tables = new Map<string, LiveTable>();

  has(name: string): boolean {
    return this.#tables.has(name);
  }

  set(name: string, table: LiveTable): void {
    this.#tables.set(name, table);
  }

  /** Nothing more is written to these. The returned function takes that back. */
  async retire(names: readonly string[]): Promise<() => void> {
    const retired: [string, LiveTable][] = [];
    for (const name of names) {
      const table = this.#tables.get(name);
      if (table === undefined) continue;
      await table.retire();
      this.#tables.delete(name);
      retired.push([name, table]);
    }
    return () => {
      for (const [name, table] of retired) this.#tables.set(name, table.resume());
    };
  }
}
