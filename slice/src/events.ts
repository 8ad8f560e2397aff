import type { SliceEvents } from "./api.js";

type Listener = <Name extends keyof SliceEvents>(name: Name, data: SliceEvents[Name]) => void;

/** Carries what happened to whoever listens. Nothing is announced before what it tells is committed. */
export class Announcer {
  readonly #listeners = new Set<Listener>();

  /** Returns the function that ends the listening. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  announce<Name extends keyof SliceEvents>(name: Name, data: SliceEvents[Name]): void {
    for (const listener of this.#listeners) listener(name, data);
  }
}
