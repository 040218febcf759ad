import type {
  QmpBlockLayer,
  QmpExport,
  QmpJob,
  QmpNbdServer,
  QmpNodeOptions,
} from '../src/index.ts';

/** Notes what is asked for. */
export class FakeBlockLayer implements QmpBlockLayer {
  readonly calls: { readonly name: string; readonly argument: unknown }[] = [];
  readonly exports: QmpExport[] = [];
  readonly running: QmpJob[] = [];

  async addNode(options: QmpNodeOptions): Promise<void> {
    this.#note('addNode', options);
  }
  async removeNode(name: string): Promise<void> {
    this.#note('removeNode', name);
  }
  async reopenNodes(options: readonly QmpNodeOptions[]): Promise<void> {
    this.#note('reopenNodes', options);
  }
  async startNbd(server: QmpNbdServer): Promise<void> {
    this.#note('startNbd', server);
  }
  async stopNbd(): Promise<void> {
    this.#note('stopNbd', undefined);
  }
  async addExport(options: Parameters<QmpBlockLayer['addExport']>[0]): Promise<void> {
    this.#note('addExport', options);
  }
  async removeExport(id: string, mode: 'safe' | 'hard'): Promise<void> {
    this.#note('removeExport', { id, mode });
  }
  listExports(): readonly QmpExport[] {
    return this.exports;
  }
  jobs(): readonly QmpJob[] {
    return this.running;
  }

  #note(name: string, argument: unknown): void {
    this.calls.push({ name, argument });
  }
}
