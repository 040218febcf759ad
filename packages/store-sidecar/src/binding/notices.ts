interface Named {
  readonly name: string;
}

/** What a user should know of a sidecar and its drive. */
export class Notices {
  readonly #label: string;
  readonly #say: (message: string) => void;

  constructor(label: string, say: (message: string) => void) {
    this.#label = label;
    this.#say = say;
  }

  unbound(): void {
    this.#say(
      `${this.#label} does not say how its drive was when its bitmaps were stored, so whether ` +
        'they missed a write is not known; the next change of them notes it',
    );
  }

  recovered(bitmaps: readonly Named[]): void {
    if (bitmaps.length === 0) return;
    const hold = bitmaps.length === 1 ? 'holds' : 'hold';
    this.#say(
      `${this.#label} was not closed: ${namesOf(bitmaps)} ${hold} all that was written until ` +
        'then, and perhaps a little more',
    );
  }

  proven(): void {
    this.#say(
      `${this.#label}: the system was started anew; nothing was written to the drive since, and a ` +
        'sample of its content is what it was, so its bitmaps are trusted',
    );
  }

  lost(names: readonly string[], reason: string): void {
    const bitmaps = namesOf(names.map((name) => ({ name })));
    this.#say(`${this.#label}: ${reason}; ${bitmaps} cannot be trusted any more`);
  }

  replaced(): void {
    this.#say(
      `${this.#label} is not the file in its place any more: somebody has put another one there, ` +
        'whose bitmaps miss what is written now',
    );
  }

  noRoom(): void {
    this.#say(
      `${this.#label} has no room to say how its drive is: writes behind its back will not be ` +
        'noticed',
    );
  }

  notLive(bitmaps: readonly Named[]): void {
    if (bitmaps.length === 0) return;
    this.#say(
      `${this.#label} has too many bitmaps to vouch for all: a crash will leave ` +
        `${namesOf(bitmaps)} inconsistent`,
    );
  }
}

function namesOf(bitmaps: readonly Named[]): string {
  return bitmaps.map(({ name }) => `'${name}'`).join(', ');
}
