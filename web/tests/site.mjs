// A site to look at: simulated cameras, ocelli, and a browser.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { chromium } from "playwright-core";

export const CAMERAS = "10.77.0.1";
const API_PORT = 8750;
const SCREENS = new URL("../../docs/screens/", import.meta.url).pathname;
const START_LIMIT_MILLIS = 60_000;
export const BROWSER = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** A child process whose output is kept. */
function start(what, folder, name, ...words) {
  const child = spawn(what, words, { stdio: ["ignore", "pipe", "pipe"], cwd: folder });
  const said = { text: "" };
  for (const pipe of [child.stdout, child.stderr]) pipe.on("data", (data) => (said.text += data));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  return {
    said,
    get over() { return child.exitCode !== null || child.signalCode !== null; },
    name,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      await ended;
    },
  };
}

export const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** Waits for a state. */
export async function until(what, ask, limitMillis = 60_000) {
  const end = Date.now() + limitMillis;
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert.ok(Date.now() < end, `${what}: not within ${limitMillis / 1000} s`);
    await sleep(100);
  }
}

async function listening(process, host, port) {
  await until(`${process.name} listens on ${port}`, () => {
    assert.ok(!process.over, `${process.name} ended:\n${process.said.text}`);
    return new Promise((resolve) => {
      const socket = createConnection({ host, port }, () => resolve(socket.destroy()));
      socket.on("error", () => resolve(false));
    });
  }, START_LIMIT_MILLIS);
}

export class Site {
  #running = [];

  /** Starts `cameras` (port of each simulator: number of streams), ocelli with `configuration`, and the browser. */
  static async start(configuration, cameras) {
    const site = new Site();
    site.folder = mkdtempSync(join(tmpdir(), "ocelli-page-"));
    site.configuration = join(site.folder, "ocelli.yaml");
    writeFileSync(site.configuration, configuration);
    for (const [port, streams] of Object.entries(cameras)) await site.simulate(port, streams);
    site.program = start(process.env.OCELLI, site.folder, "ocelli", "run", site.configuration, "--data", join(site.folder, "data"));
    site.#running.push(site.program);
    await listening(site.program, "127.0.0.1", API_PORT);
    site.base = `http://127.0.0.1:${API_PORT}`;
    const said = await until("the first log-in is told", () => /log in at (\S+)[^]*token is (\S+),/.exec(site.program.said.text));
    [, site.link, site.token] = said;
    site.browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: BROWSER });
    return site;
  }

  async simulate(port, streams) {
    const clip = join(process.env.OCELLI_TEST_CLIPS, "vtest-live.mp4");
    const words = ["simulate", clip, "--listen", CAMERAS, "--port", String(port), "--streams", String(streams)];
    const simulator = start(process.env.OCELLI, this.folder, "simulate", ...words);
    this.#running.push(simulator);
    await listening(simulator, CAMERAS, Number(port));
    return simulator;
  }

  /** A tab of its own session. It fails the test on errors of scripts and on requests to anywhere else. */
  async tab(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.wrong = [];
    page.on("pageerror", (error) => page.wrong.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.wrong.push(message.text());
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${this.base}/`) && !url.startsWith("blob:") && !url.startsWith("data:")) page.wrong.push(url);
    });
    return page;
  }

  /** Asks the API with the owner's token. */
  async api(method, path, body, headers = {}) {
    const answer = await fetch(this.base + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body ? { "content-type": "application/json" } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : undefined };
  }

  async stop() {
    await this.browser?.close();
    for (const process of this.#running.reverse()) if (!process.over) await process.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Fails on whatever axe-core finds. */
export async function accessible(page, where) {
  const found = await page.evaluate(`${axe.source}; axe.run(document).then((run) => run.violations)`);
  const told = found.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 160)}`));
  assert.deepEqual(told, [], where);
}

/** Writes a picture of the page for the documents, where that was asked for. */
export async function screen(page, name) {
  if (process.env.SCREENS) await page.screenshot({ path: join(SCREENS, `${name}.png`) });
}
