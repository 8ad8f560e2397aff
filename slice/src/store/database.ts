import pg from "pg";
import { parseIntoClientConfig } from "pg-connection-string";
import type { Logger } from "pino";

/** What runs a statement: the pool, or one transaction. */
export interface Queryable {
  /** Rows as plain objects, named as in the statement. Throws DatabaseUnavailable when Postgres is not there. */
  query<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
}

/** Postgres cannot be reached, is starting or stopping, or has no connection to spare. Trying again may help. */
export class DatabaseUnavailable extends Error {
  constructor(cause: unknown) {
    super("The database cannot be reached.", { cause });
    this.name = "DatabaseUnavailable";
  }
}

/** The slice's schema. At most two connections, closed when idle: a server has hundreds of slices. */
export class Database implements Queryable {
  readonly #pool: pg.Pool;

  /** `readOnly` has Postgres refuse every change. */
  constructor(url: string, schema: string, log: Logger, { readOnly = false } = {}) {
    const parsed = parseIntoClientConfig(url);
    this.#pool = new pg.Pool({
      ...parsed,
      options: [parsed.options, `-c search_path=${schema}`, readOnly && "-c default_transaction_read_only=on"]
        .filter(Boolean)
        .join(" "),
      application_name: schema,
      max: 2,
      idleTimeoutMillis: 10_000,
      connectionTimeoutMillis: 5_000,
      statement_timeout: 15_000,
      query_timeout: 20_000,
      allowExitOnIdle: true,
    });
    this.#pool.on("error", (err) => log.warn({ err }, "an idle database connection was lost"));
  }

  async query<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return run(this.#pool, sql, values);
  }

  /** Commits what `work` did, or nothing of it. `work` must use the Queryable it is given and no other. */
  async transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((err) => {
      throw new DatabaseUnavailable(err);
    });
    // A connection that breaks between two statements says so here; the next statement fails by itself.
    const ignore = () => {};
    client.on("error", ignore);
    let broken: Error | undefined;
    try {
      await run(client, "BEGIN");
      const result = await work({ query: (sql, values) => run(client, sql, values) });
      await run(client, "COMMIT");
      return result;
    } catch (err) {
      await run(client, "ROLLBACK").catch((rollbackError: Error) => {
        broken = rollbackError;
      });
      throw err;
    } finally {
      client.off("error", ignore);
      client.release(broken);
    }
  }

  /** Waits for what runs, then closes every connection. */
  async close(): Promise<void> {
    await this.#pool.end();
  }
}

async function run<Row extends object>(
  on: pg.Pool | pg.PoolClient,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  try {
    return (await on.query(sql, values)).rows;
  } catch (err) {
    if (err instanceof pg.DatabaseError && !isOutage(err.code)) throw err;
    throw new DatabaseUnavailable(err);
  }
}

/** SQLSTATE classes 08 (connection), 53 (resources) and 57P (shutdown and start). */
function isOutage(code: string | undefined): boolean {
  return code !== undefined && /^(08|53|57P)/.test(code);
}
