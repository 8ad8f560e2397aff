import { hostname } from "node:os";
import multipart from "@fastify/multipart";
import type { Logger } from "pino";
import type { Status } from "./api.js";
import type { Clock } from "./clock.js";
import type { Config } from "./config.js";
import { createEngine } from "./engine/create.js";
import type { EngineSink } from "./engine/engine.js";
import { erase, isErasing } from "./erase.js";
import { Announcer } from "./events.js";
import { dataRoutes } from "./http/data.js";
import { mediaRoutes } from "./http/media.js";
import { platformRoutes } from "./http/platform.js";
import { createServer } from "./http/server.js";
import { Sockets } from "./http/sockets.js";
import { userRoutes } from "./http/user.js";
import { Inbox } from "./inbox/inbox.js";
import { Outbox } from "./inbox/outbox.js";
import { Pace } from "./inbox/pace.js";
import { MediaFiles } from "./media/files.js";
import { MediaLibrary } from "./media/library.js";
import { Metrics } from "./metrics.js";
import { Quota } from "./quota.js";
import { Rest } from "./rest.js";
import { SaidFile } from "./said.js";
import { Serial } from "./serial.js";
import { Database } from "./store/database.js";
import { EngineState } from "./store/engine_state.js";
import { newestMessages, unfinishedMessages } from "./store/messages.js";
import { untilStored } from "./store/retry.js";
import { Use } from "./use.js";

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
  const use = new Use(clock);
  const inbox = new Inbox(db, announcer, clock);
  const memory = new EngineState(db);
  const quota = new Quota(memory, config.mediaQuotaBytes, hostname(), () =>
    announcer.announce("status", status()),
  );
  const files = new MediaFiles(config.mediaDir, config.diskReserveBytes);

  const said = new SaidFile(config.saidFile, log);
  let since: string | null = null;
  let wasReady = false;
  const say = () => {
    const { state, reason, phoneNumber } = engine.status();
    if ((state === "ready") !== wasReady) since = new Date(clock.now()).toISOString();
    wasReady = state === "ready";
    said.write({ state, reason, phoneNumber, since });
  };

  const status = (): Status => ({
    ...engine.status(),
    since,
    uptime: Math.floor((clock.now() - startedAt) / 1000),
    engine: engine.name,
    standIn: engine.standIn,
    storage: quota.storage,
    snapshotAt: engine.snapshotAt(),
  });
  const stored = <T>(work: (again: boolean) => Promise<T>) =>
    untilStored(clock, stopping.signal, (attempt) => work(attempt > 1));
  const sink: EngineSink = {
    statusChanged() {
      say();
      announcer.announce("status", status());
      rest.statusChanged();
      if (engine.status().state !== "ready") return;
      outbox.resume();
      library.fetch();
    },
    qrChanged: (qr) => announcer.announce("qr", qr),
    store: (batch) => stored(() => inbox.store(batch)),
    synced: (progress) => announcer.announce("sync", progress),
    newest: () => stored(() => newestMessages(db)),
    async received(received) {
      await stored((again) => inbox.receive(received, again));
      if (received.message.media?.state === "pending") library.fetch();
    },
    acked: (message, ack) => stored((again) => inbox.acknowledge(message, ack, again)),
  };
  const { engine, routes, blame } = await createEngine({
    config,
    clock,
    sink,
    memory,
    outstanding: (readSince) => unfinishedMessages(db, readSince),
    use,
    log,
  });
  say();
  const rest = new Rest({ engine, use, clock, log });
  const library = new MediaLibrary({
    db,
    files,
    quota,
    engine,
    announcer,
    clock,
    log,
    maxBytes: config.mediaMaxBytes,
  });
  const outbox = new Outbox({
    inbox,
    engine,
    pace: new Pace(config.pace, clock),
    db,
    pathOf: (id) => files.pathOf(id),
    clock,
    log,
  });
  const sending = { engine, inbox, outbox, files, quota, mediaMaxBytes: config.mediaMaxBytes };
  const erasing = new Serial();
  const eraseAll = () => erasing.run(() => erase({ db, memory, mediaDir: config.mediaDir, quota, engine }));

  const user = createServer(log);
  const sockets = new Sockets(user.server, announcer, use, () => ({ status: status(), qr: engine.qr() }));
  user.addHook("onRequest", async () => use.touch());
  user.addHook("preClose", async () => sockets.close());
  await user.register(multipart, {
    limits: { files: 1, fields: 4, fieldSize: 300_000, fileSize: config.mediaMaxBytes + 1 },
    throwFileSizeLimit: false,
  });
  userRoutes(user, { ...sending, status });
  mediaRoutes(user, { inbox, files, library });
  dataRoutes(user, { db, files, clock, log, status, erase: eraseAll });
  routes(user, status);

  const metrics = new Metrics(
    {
      state: () => engine.status().state,
      listeners: () => sockets.count(),
      mediaBlocked: () => quota.mediaBlocked,
      mediaQuotaBytes: () => quota.storage.quotaBytes,
    },
    announcer,
  );
  const platform = createServer(log);
  platformRoutes(platform, { ...sending, db, clock, log, library, metrics, status });

  const addresses = {
    user: await user.listen({ host: config.listenHost, port: config.userPort }),
    platform: await platform.listen({ host: config.listenHost, port: config.platformPort }),
  };
  const loading = stored(async () => {
    await quota.load();
    if (await isErasing(memory)) await eraseAll();
    await library.load();
  })
    .then(() => engine.start())
    .catch((err) => {
      if (!stopping.signal.aborted) throw err;
    });

  return {
    ...addresses,
    blame,
    async stop() {
      stopping.abort(new Error("the slice is stopping"));
      rest.stop();
      await Promise.all([engine.stop(), outbox.stop(), library.stop(), loading]);
      await Promise.all([user.close(), platform.close()]);
      await inbox.idle();
      await said.close();
      await db.close();
    },
  };
}
