import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Engine } from "./engine/engine.js";
import type { Quota } from "./quota.js";
import type { Database } from "./store/database.js";
import type { EngineState } from "./store/engine_state.js";

interface EraseDependencies {
  db: Database;
  memory: EngineState;
  mediaDir: string;
  quota: Quota;
  engine: Pick<Engine, "logout">;
}

/** Remembered from the first deletion to the last: what was cut off is finished at the next start. */
const marker = "erasing";

/** Destroys all of the user's data: the link, every row, every file. May be run again after it was cut off. */
export async function erase({ db, memory, mediaDir, quota, engine }: EraseDependencies): Promise<void> {
  await memory.set(marker, true);
  await engine.logout();
  await db.transaction(async (tx) => {
    // The tables that hold other people's words, and what the engine knows of the phone.
    await tx.query("TRUNCATE messages, chats, contacts");
    await tx.query("DELETE FROM engine_state WHERE key NOT IN ($1, 'media_blocked', 'media_quota')", [
      marker,
    ]);
  });
  for (const name of await readdir(mediaDir).catch(() => [])) {
    await rm(join(mediaDir, name), { recursive: true, force: true });
  }
  quota.setUsed(0);
  await memory.remove(marker);
}

/** Whether an earlier run was cut off. */
export async function isErasing(memory: EngineState): Promise<boolean> {
  return (await memory.get<boolean>(marker)) ?? false;
}
