import { randomBytes } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import pg from "pg";
import { mediaDir } from "./config.js";

/** A database with one slice's schema, owned by a role of its own. */
export interface TestSchema {
  /** What the slice gets as DATABASE_URL: it acts as the schema's role. */
  url: string;
  schema: string;
  /** Runs a statement in the schema, over a connection of the test's own. */
  rows<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** Makes a fresh schema in a fresh database of the server behind TEST_POSTGRES_URL. */
export async function createSchema(): Promise<TestSchema> {
  const server = process.env.TEST_POSTGRES_URL;
  if (!server) {
    throw new Error(
      "Set TEST_POSTGRES_URL to a superuser's postgresql:// URL of a Postgres to test against.",
    );
  }
  const name = `slice_test_${randomBytes(6).toString("hex")}`;
  await asAdmin(server, [`CREATE ROLE ${name} NOLOGIN`, `CREATE DATABASE ${name}`]);
  // The role is taken on after the login, so that any pg_hba.conf will do.
  const database = onDatabase(server, name);
  const url = `${database}${database.includes("?") ? "&" : "?"}options=${encodeURIComponent(`-c role=${name}`)}`;
  await asAdmin(database, [
    `CREATE SCHEMA ${name} AUTHORIZATION ${name}`,
    `SET ROLE ${name}`,
    `SET search_path = ${name}`,
    ...(await migrations()),
  ]);
  const pool = new pg.Pool({ connectionString: database, max: 1 });
  return {
    url,
    schema: name,
    async rows<Row extends object>(sql: string, values: unknown[] = []) {
      await pool.query(`SET search_path = ${name}`);
      return (await pool.query(sql, values)).rows as Row[];
    },
    async drop() {
      await pool.end();
      await rm(mediaDir({ schema: name }), { recursive: true, force: true });
      await asAdmin(server, [`DROP DATABASE ${name} WITH (FORCE)`, `DROP ROLE ${name}`]);
    },
  };
}

async function asAdmin(url: string, statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function migrations(): Promise<string[]> {
  const names = (await readdir("../migrations/slice")).sort();
  const files = await Promise.all(names.map((name) => readFile(`../migrations/slice/${name}`, "utf8")));
  return files.map((file) => file.split("---- create above / drop below ----")[0] ?? "");
}

function onDatabase(url: string, database: string): string {
  return url.replace(/^(\w+:\/\/[^/?]*)(\/[^?]*)?/, `$1/${database}`);
}
