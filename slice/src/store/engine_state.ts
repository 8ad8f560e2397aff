import type { Queryable } from "./database.js";

/** What must outlive the process besides the inbox: small JSON values by name. */
export class EngineState {
  readonly #db: Queryable;

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** null if nothing was kept under that name. */
  async get<T>(key: string): Promise<T | null> {
    const rows = await this.#db.query<{ value: T }>("SELECT value FROM engine_state WHERE key = $1", [key]);
    return rows[0]?.value ?? null;
  }

  async set(key: string, value: unknown): Promise<void> {
    await this.#db.query(
      `INSERT INTO engine_state (key, value) VALUES ($1, $2)
       ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      [key, JSON.stringify(value)],
    );
  }

  async remove(key: string): Promise<void> {
    await this.#db.query("DELETE FROM engine_state WHERE key = $1", [key]);
  }
}
