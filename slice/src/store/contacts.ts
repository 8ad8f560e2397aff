import type { Contact } from "../api.js";
import type { Queryable } from "./database.js";

/** By name, as a person would look them up. */
export function listContacts(db: Queryable): Promise<Contact[]> {
  return db.query<Contact>(
    `SELECT id, name, phone_number AS "phoneNumber" FROM contacts ORDER BY lower(name), id`,
  );
}

/** null if there is no such contact. */
export async function findContact(db: Queryable, id: string): Promise<Contact | null> {
  const rows = await db.query<Contact>(
    `SELECT id, name, phone_number AS "phoneNumber" FROM contacts WHERE id = $1`,
    [id],
  );
  return rows[0] ?? null;
}

/** Adds contacts and renames those that are known. */
export async function saveContacts(db: Queryable, contacts: Contact[]): Promise<void> {
  await db.query(
    `INSERT INTO contacts AS known (id, name, phone_number)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
     ON CONFLICT (id) DO UPDATE
       SET name = excluded.name, phone_number = excluded.phone_number, updated_at = now()
       WHERE (known.name, known.phone_number) IS DISTINCT FROM (excluded.name, excluded.phone_number)`,
    [contacts.map((c) => c.id), contacts.map((c) => c.name), contacts.map((c) => c.phoneNumber)],
  );
}

/** Adds a contact unless its id is known. Gives it back if it was added. */
export async function addContact(db: Queryable, contact: Contact): Promise<Contact | null> {
  const rows = await db.query<{ id: string }>(
    `INSERT INTO contacts (id, name, phone_number) VALUES ($1, $2, $3)
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [contact.id, contact.name, contact.phoneNumber],
  );
  return rows.length > 0 ? contact : null;
}
