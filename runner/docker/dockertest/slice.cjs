// A slice that keeps the contract by the shortest way, or breaks it where FLAW says so.
"use strict";
const fs = require("node:fs"), http = require("node:http");
const flaw = process.env.FLAW, began = Date.now(), file = "/app/session/state.json";

if (flaw === "root" && process.getuid() !== 0) {
  console.error("this must run as root");
  process.exit(1);
}
if (flaw === "files") fs.writeFileSync("/app/state.json", "{}");
if (flaw === "log") console.log(`connecting to ${process.env.DATABASE_URL}`);
if (flaw === "memory") {
  const path = ["/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes"].find((one) => fs.existsSync(one));
  const kept = () =>
    [...fs.readFileSync(path.replace(/[^/]*$/, "memory.stat"), "utf8").matchAll(/^(?:in)?active_file (\d+)$/gm)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  globalThis.held = [];
  while (Number(fs.readFileSync(path, "utf8")) - kept() < 234 * 2 ** 20) held.push(Buffer.alloc(2 ** 20, 1));
}
if (flaw === "connections") {
  const { Client } = require("/app/node_modules/pg");
  for (let i = 0; i < 3; i++) new Client({ connectionString: process.env.DATABASE_URL }).connect();
}

let data = { state: "qr", messages: [] };
let since = null, wasReady = false;
const say = () => {
  fs.writeFileSync("/app/session/status.new", JSON.stringify({ state: data.state, reason: null, phoneNumber: data.state === "ready" ? "+15550100000" : null, since }));
  fs.renameSync("/app/session/status.new", "/app/session/status.json");
};
const remember = () => {
  if ((data.state === "ready") !== wasReady) since = new Date().toISOString();
  wasReady = data.state === "ready";
  say();
  if (flaw !== "forgets") fs.writeFileSync(file, JSON.stringify(data));
};
if (fs.existsSync(file)) data = JSON.parse(fs.readFileSync(file, "utf8"));
if (flaw !== "root") say();

const status = () => ({
  state: flaw === "status" ? "fine" : data.state,
  phoneNumber: data.state === "ready" ? "+15550100000" : null,
  since,
  uptime: (Date.now() - began) / 1000,
  lastEventAt: data.state === "ready" && flaw !== "mute" ? new Date().toISOString() : null,
});

class Refused extends Error {
  constructor(code, sentence) {
    super(sentence);
    this.code = code;
  }
}
const not = (code, sentence) => {
  throw new Refused(code, sentence);
};

const user = {
  "GET /api/status": status,
  "GET /api/status/state": () => (flaw === "state" ? "unknown" : status().state),
  "GET /api/chats": () => ({ chats: [] }),
  "GET /api/chats/1@c.us/messages": () => ({ messages: data.messages, before: null }),
  "PUT /api/simulated/rate": () => ({}),
  "POST /api/simulated/scan": () => {
    data.state = flaw === "link" ? "qr" : "ready";
    remember();
    return status();
  },
  "POST /api/messages": ({ to, text }) => {
    if (typeof to !== "string" || typeof text !== "string") not(400, "Say to whom and what.");
    if (data.state !== "ready") not(409, "WhatsApp is not connected.");
    const message = { id: String(data.messages.length), chatId: "1@c.us", text, ack: "pending" };
    data.messages.push(message);
    remember();
    if (flaw === "text") console.log(`sending ${text}`);
    if (flaw !== "pending") setTimeout(() => ((message.ack = "sent"), remember()), 100);
    return [202, message];
  },
  "GET /api/export": () => (flaw === "export" ? "everything" : archive()),
  "DELETE /api/data": ({ confirm }) => {
    if (confirm !== "DELETE" && flaw !== "careless") not(400, "Type DELETE.");
    if (flaw !== "keeps data") data = { state: "logged_out", messages: [] };
    remember();
    return status();
  },
};

const platform = {
  "GET /status": () => (flaw === "platform" ? { ok: true } : status()),
  "GET /metrics": () => (flaw === "platform" ? "fine" : "slice_uptime_seconds 1\n"),
  "POST /probe": () => {
    if (flaw === "no probe") not(404, "There is no such thing.");
    return flaw === "probe" ? { status: status() } : { alive: true, status: status() };
  },
  "PUT /quota": ({ mediaBlocked, bytes }) => {
    const told = mediaBlocked === undefined && Number.isInteger(bytes) && flaw !== "old quota";
    if (typeof mediaBlocked !== "boolean" && !told && flaw !== "quota") not(400, "Say true or false.");
    return {};
  },
  "GET /export": () => (flaw === "no export" ? not(404, "There is no such thing.") : flaw === "export" ? "everything" : archive()),
  "POST /messages": () => (data.state === "ready" || flaw === "alert" ? [202, {}] : not(409, "WhatsApp is not connected.")),
};
if (flaw === "open") Object.assign(user, platform);

// Engine.IO by polling alone: one session, its answers in a row.
const packets = ['40{"sid":"1"}\x1e42' + JSON.stringify(["status", status()])];
function events(request, url, body) {
  if (flaw === "events") not(404, "There are no events.");
  if (request.method === "POST") return "ok";
  if (!url.searchParams.has("sid")) return `0${JSON.stringify({ sid: "s", upgrades: ["websocket"], pingInterval: 25000, pingTimeout: 20000 })}`;
  return packets[0];
}

// A ZIP whose files are stored as they are.
function archive() {
  const entries = { "messages.json": JSON.stringify(data.messages), "messages.csv": data.messages.map((m) => m.text).join("\n"), "contacts.csv": "", "contacts.vcf": "" };
  const locals = [], central = [];
  let offset = 0;
  for (const [name, text] of Object.entries(entries)) {
    const content = Buffer.from(text), common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(require("node:zlib").crc32?.(content) ?? crc(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), content]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), common, rest, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central), end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 4);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from("PK\x05\x06"), end]);
}
function crc(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let i = 0; i < 8; i++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

function serve(routes, port) {
  const server = http.createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const url = new URL(request.url, "http://slice");
    const send = (code, body) => {
      const plain = typeof body === "string", raw = Buffer.isBuffer(body);
      response.writeHead(code, { "content-type": plain ? "text/plain" : raw ? "application/zip" : "application/json" });
      response.end(plain || raw ? body : JSON.stringify(body));
    };
    try {
      if (routes === user && url.pathname === "/socket.io/") return send(200, events(request, url, text));
      const route = routes[`${request.method} ${decodeURIComponent(url.pathname)}`] ?? not(404, "There is no such thing.");
      const answer = route(text ? JSON.parse(text) : {});
      send(...(Array.isArray(answer) ? answer : [200, answer]));
    } catch (err) {
      send(err.code ?? 500, flaw === "words" ? "<h1>Error</h1>" : { error: err.message });
    }
  });
  server.listen(port, "0.0.0.0");
}
serve(user, flaw === "port" ? 4009 : 4001);
if (flaw !== "one port") serve(platform, 4002);

process.on("SIGTERM", () => {
  if (flaw !== "term") process.exit(flaw === "exit" ? 3 : 0);
});
