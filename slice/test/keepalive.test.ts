import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { pino } from "pino";
import { Keepalive } from "../src/engine/simulated/keepalive.js";
import { eventually } from "./support/client.js";
import { ManualClock } from "./support/clock.js";

test("keepalives: 80 bytes every 20 to 30 seconds, an answer is heard, a lost connection is made anew", async (t) => {
  const sockets: Socket[] = [];
  let bytes = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("data", (data) => {
      bytes += data.length;
    });
  });
  const stop = new AbortController();
  t.after(() => {
    stop.abort(new Error("stopped"));
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clock = new ManualClock();
  let heard = 0;
  const keepalive = new Keepalive({
    clock,
    heard: () => heard++,
    log: pino({ level: "silent" }),
    url: `tcp://127.0.0.1:${port}`,
  });
  const running = keepalive.run(stop.signal);
  const ended = assert.rejects(running, /stopped/);

  await eventually(async () => bytes === 80, "the first keepalive");
  await clock.advance(19_000);
  assert.equal(bytes, 80);
  await clock.advance(11_000);
  await eventually(async () => bytes === 160, "the second keepalive");
  sockets[0]?.write("an answer");
  await eventually(async () => heard > 0, "the answer");

  sockets[0]?.destroy();
  await eventually(async () => {
    await clock.advance(5_000);
    return sockets.length === 2;
  }, "a new connection");
  await eventually(async () => bytes >= 240, "the first keepalive of the new connection");

  stop.abort(new Error("stopped"));
  await ended;
  await Promise.all(sockets.map((socket) => (socket.closed ? null : once(socket, "close"))));
});
