/** Tells when nothing has come for some time. */
export class SilenceWatch {
  #timer: NodeJS.Timeout;

  /** `milliseconds` in which `progress` gives the same number: that is silence, and told once. */
  constructor(
    milliseconds: number,
    { progress, onSilence }: { readonly progress: () => number; readonly onSilence: () => void },
  ) {
    let known = progress();
    const look = () => {
      const now = progress();
      if (now === known) {
        onSilence();
        return;
      }
      known = now;
      this.#timer = setTimeout(look, milliseconds);
    };
    this.#timer = setTimeout(look, milliseconds);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
