// Measures the page: 64 tiles at 5 box updates a second each, in a browser slowed four times. Prints the longest tasks.
//
//   node web/tests/measure.mjs [SECS]     needs web/dist (tools/setup page) and Chromium
//
// The site is played by this script, so that nothing but the page and the browser is measured.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import { BROWSER } from "./site.mjs";

const TILES = 64;
const UPDATES_PER_SEC = 5;
const BOXES = 6;
const SLOWER = 4;
const LONG_MILLIS = 50;
const secs = Number(process.argv[2] ?? 20);
const DIST = new URL("../dist/", import.meta.url).pathname;
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

const names = Array.from({ length: TILES }, (_, index) => `camera-${String(index).padStart(2, "0")}`);
const stream = (name) => ({
  name, address: "rtsp://192.0.2.1/main", state: "live", recording: false, coverage: 1, looks_per_sec: 5, lag_millis: 40, cpu_millis_per_sec: 30,
  looks_taken: 1, looks_wanted: 1, tags: BOXES, events: 1, lost: 0, bytes: 1, time_jumps: 0, long_gop: false, reconnects: {},
  codec: { name: "H.264", width: 640, height: 360 }, packets: { received: 1, gated: 0, decoded: 1, corrupt: 0, held: 0, dropped: {} },
});
const scene = { zones: { desk: [[0, 0], [0.4, 0], [0.4, 1]] }, masks: [], rules: [{ line: { name: "door", points: [[0.5, 0.1], [0.5, 0.9]] } }] };
const me = { user: "owner", role: "owner", rights: ["view"], every_stream: true, box_streams_max: 64 };

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://page");
  const json = pathname === "/api/v1/me" ? me : pathname === "/api/v1/streams" ? { streams: names.map(stream) } : pathname.endsWith("/scene") ? scene : undefined;
  if (json) return response.setHeader("content-type", "application/json").end(JSON.stringify(json));
  try {
    const file = pathname === "/" ? "index.html" : pathname.slice(1);
    response.setHeader("content-type", TYPES[extname(file)] ?? "text/plain").end(readFileSync(join(DIST, file)));
  } catch {
    response.writeHead(404).end();
  }
});

/** A text frame of a WebSocket (RFC 6455), from the server: not masked. */
function frame(text) {
  const body = Buffer.from(text);
  const head = body.length < 126 ? Buffer.from([0x81, body.length]) : Buffer.from([0x81, 126, body.length >> 8, body.length & 255]);
  return Buffer.concat([head, body]);
}

function update(name, at) {
  const boxes = Array.from({ length: BOXES }, (_, index) => {
    const phase = at / 20 + index / BOXES + name.length;
    return { tag: `tag-${index}-${Math.floor(at / 15)}`, label: index % 2 ? "car" : "person", box: [(phase % 1) * 0.9, 0.1 + 0.1 * index, 0.06, 0.2], score: 0.8, seen: true, stationary: false };
  });
  return JSON.stringify({ type: "boxes", stream: name, time: new Date().toISOString(), boxes });
}

let sent = 0;
server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  const begin = Date.now();
  // Updates of 64 cameras do not come at one instant.
  const timers = names.map((name, index) => setTimeout(() => {
    timers[index] = setInterval(() => {
      socket.write(frame(update(name, (Date.now() - begin) / 1000)));
      sent++;
    }, 1000 / UPDATES_PER_SEC);
  }, (index * 1000) / UPDATES_PER_SEC / TILES));
  const end = () => timers.forEach(clearInterval);
  socket.on("close", end).on("error", end).resume();
});

server.listen(0, "127.0.0.1", async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: BROWSER });
  const page = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction((tiles) => document.querySelectorAll(".tile").length === tiles && document.querySelectorAll(".tile .box").length > 0, TILES);
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  const before = sent;
  await browser.startTracing(page, { categories: ["devtools.timeline", "disabled-by-default-devtools.timeline"] });
  const measured = await page.evaluate(async (millis) => {
    const tasks = [];
    let pictures = 0;
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
    const count = () => { pictures++; requestAnimationFrame(count); };
    requestAnimationFrame(count);
    await new Promise((resolve) => setTimeout(resolve, millis));
    const drawn = [...document.querySelectorAll(".tile")].filter((tile) => tile.querySelector(".box")).length;
    return { tasks, pictures, drawn };
  }, secs * 1000);
  const trace = JSON.parse(String(await browser.stopTracing())).traceEvents;
  const main = trace.find(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
  // The thread's own time: what other programs take from a busy machine is not the page's.
  const busy = trace.filter(({ name, pid, tid, tdur }) => name === "RunTask" && tdur && pid === main.pid && tid === main.tid).map(({ tdur }) => tdur / 1000);
  const longest = (durations) => {
    const long = durations.filter((duration) => duration > LONG_MILLIS);
    return `${long.length}, longest ${Math.max(0, ...durations).toFixed(0)} ms`;
  };
  const told = [
    `${TILES} tiles, ${BOXES} boxes each, ${((sent - before) / secs).toFixed(0)} updates/s for ${secs} s, CPU slowed ${SLOWER}x, ${measured.drawn} tiles in sight or near`,
    `tasks over ${LONG_MILLIS} ms of the page's own time: ${longest(busy)}; with the waiting for the processor: ${longest(measured.tasks)}`,
    `${(measured.pictures / secs).toFixed(1)} pictures drawn a second, main thread busy ${(busy.reduce((all, one) => all + one, 0) / secs / 10).toFixed(0)} %`,
  ];
  process.stdout.write(`${told.join("\n")}\n`);
  await browser.close();
  server.closeAllConnections();
  server.close();
});
