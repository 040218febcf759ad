/** What takes back the steps of a change that cannot be finished. */
export class Undo {
  readonly #steps: { readonly what: string; readonly undo: () => Promise<unknown> }[] = [];

  /** `what`: names it where it fails. */
  push(what: string, undo: () => Promise<unknown>): void {
    this.#steps.push({ what, undo });
  }

  /** Last step first; one that fails keeps no other from being taken back. */
  async run(log: (message: string) => void): Promise<void> {
    for (const { what, undo } of this.#steps.toReversed()) {
      await undo().catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        log(`error: ${what} is not as it was before: ${why}`);
      });
    }
  }
}
