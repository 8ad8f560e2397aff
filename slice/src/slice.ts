import type { Logger } from "pino";
import type { Status } from "./api.js";
import type { Clock } from "./clock.js";
import type { Config } from "./config.js";
import { createEngine } from "./engine/create.js";
import type { EngineSink } from "./engine/engine.js";
import { Announcer } from "./events.js";
import { platformRoutes } from "./http/platform.js";
import { createServer } from "./http/server.js";
import { Sockets } from "./http/sockets.js";
import { userRoutes } from "./http/user.js";
import { Inbox } from "./inbox/inbox.js";
import { Outbox } from "./inbox/outbox.js";
import { Metrics } from "./metrics.js";
import { Quota } from "./quota.js";
import { Database } from "./store/database.js";
import { EngineState } from "./store/engine_state.js";
import { newestMessages, unfinishedMessages } from "./store/messages.js";
import { untilStored } from "./store/retry.js";

/** A slice that runs. */
export interface Slice {
  /** The addresses it listens on: "http://127.0.0.1:4001". */
  user: string;
  platform: string;
  /** Whether a failure that nobody caught is the engine's affair, and seen to. */
  blame(err: unknown): boolean;
  /** Ends everything in order: the session, the clients, the servers, the database. */
  stop(): Promise<void>;
}

/** Starts a slice and resolves when both ports listen; the WhatsApp session comes up after that. */
export async function startSlice(config: Config, clock: Clock, log: Logger): Promise<Slice> {
  const startedAt = clock.now();
  const stopping = new AbortController();
  const db = new Database(config.databaseUrl, config.schema, log);
  const announcer = new Announcer();
  const inbox = new Inbox(db, announcer, clock);
  const memory = new EngineState(db);
  const quota = new Quota(memory);

  const status = (): Status => ({
    ...engine.status(),
    uptime: Math.floor((clock.now() - startedAt) / 1000),
    engine: engine.name,
    standIn: engine.standIn,
    storage: { usedBytes: 0, quotaBytes: config.mediaQuotaBytes, level: "ok" },
    snapshotAt: engine.snapshotAt(),
  });
  const stored = <T>(work: (again: boolean) => Promise<T>) =>
    untilStored(clock, stopping.signal, (attempt) => work(attempt > 1));
  const sink: EngineSink = {
    statusChanged() {
      announcer.announce("status", status());
      if (engine.status().state === "ready") outbox.resume();
    },
    qrChanged: (qr) => announcer.announce("qr", qr),
    store: (batch) => stored(() => inbox.store(batch)),
    synced: (progress) => announcer.announce("sync", progress),
    newest: () => stored(() => newestMessages(db)),
    received: (received) => stored((again) => inbox.receive(received, again)),
    acked: (message, ack) => stored((again) => inbox.acknowledge(message, ack, again)),
  };
  const { engine, routes, blame } = await createEngine({
    config,
    clock,
    sink,
    memory,
    outstanding: (readSince) => unfinishedMessages(db, readSince),
    log,
  });
  const outbox = new Outbox(inbox, engine, clock, log);

  const user = createServer(log);
  const sockets = new Sockets(user.server, announcer, () => ({ status: status(), qr: engine.qr() }));
  user.addHook("preClose", async () => sockets.close());
  userRoutes(user, { engine, inbox, outbox, status });
  routes(user, status);

  const metrics = new Metrics(
    {
      state: () => engine.status().state,
      listeners: () => sockets.count(),
      mediaBlocked: () => quota.mediaBlocked,
      mediaQuotaBytes: config.mediaQuotaBytes,
    },
    announcer,
  );
  const platform = createServer(log);
  platformRoutes(platform, { engine, inbox, outbox, quota, metrics, status });

  const addresses = {
    user: await user.listen({ host: config.listenHost, port: config.userPort }),
    platform: await platform.listen({ host: config.listenHost, port: config.platformPort }),
  };
  const loading = stored(() => quota.load()).catch((err) => {
    if (!stopping.signal.aborted) log.error({ err }, "the media quota could not be read");
  });
  engine.start();

  return {
    ...addresses,
    blame,
    async stop() {
      stopping.abort(new Error("the slice is stopping"));
      await Promise.all([engine.stop(), outbox.stop(), loading]);
      await Promise.all([user.close(), platform.close()]);
      await inbox.idle();
      await db.close();
    },
  };
}
