// Real Socket.IO servers for the tests: one process, as many servers as ports are asked for.
// Takes its settings as one JSON argument, commands as JSON lines on stdin, and tells what
// happens as JSON lines on stdout. Ends when stdin ends.
"use strict";

const { createServer } = require("node:http");
const { createInterface } = require("node:readline");

let Server;
try {
  ({ Server } = require("socket.io"));
} catch (error) {
  if (error.code !== "MODULE_NOT_FOUND") throw error;
  console.error("socket.io is not installed: run `npm ci --prefix slice`");
  process.exit(3);
}

const settings = JSON.parse(process.argv[2]);
const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const servers = settings.ports.map((_, server) => {
  const http = createServer();
  const io = new Server(http, settings.options ?? {});
  let total = 0;
  if (settings.refuse) io.use((_socket, next) => next(new Error(settings.refuse)));
  io.on("connection", (socket) => {
    total += 1;
    tell({ server, connected: io.of("/").sockets.size, total });
    for (const [name, ...args] of settings.greet ?? []) socket.emit(name, ...args);
    socket.on("disconnect", () => tell({ server, connected: io.of("/").sockets.size, total }));
  });
  return { http, io };
});

const commands = {
  // Args are JSON, so that the numbers and texts of a test arrive as it wrote them.
  emit: ({ server, name, args }) => servers[server].io.emit(name, ...args),
  emitWithAck: ({ server, name, args }) => {
    for (const socket of servers[server].io.of("/").sockets.values()) {
      socket.emit(name, ...args, () => {});
    }
  },
  emitBinary: ({ server, name }) => servers[server].io.emit(name, Buffer.from([1, 2, 3]), { more: Buffer.alloc(10) }),
  // Numbered events {"n": 1} … {"n": count}, "burst" of them every "every" milliseconds.
  number: ({ server, name, count, burst, every, padding }) => {
    let n = 0;
    const pad = "x".repeat(padding);
    const timer = setInterval(() => {
      for (let i = 0; i < burst && n < count; i += 1) servers[server].io.emit(name, { n: (n += 1), pad });
      if (n >= count) clearInterval(timer);
    }, every);
  },
  disconnect: ({ server }) => servers[server].io.disconnectSockets(false),
  drop: ({ server }) => servers[server].io.disconnectSockets(true),
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));

const listening = servers.map(
  ({ http }, server) =>
    new Promise((resolve, reject) => {
      http.on("error", reject);
      http.listen(settings.ports[server], "127.0.0.1", () => resolve(http.address().port));
    }),
);
Promise.all(listening).then((ports) => tell({ ports }));
