/** Runs one piece of work at a time, in the order they were handed in. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves when all that was handed in so far is done. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
