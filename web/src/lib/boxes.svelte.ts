// The live feed of boxes: one socket for all tiles, reconnected with a visible state.
import { flushSync } from "svelte";
import type { Box } from "./api";

/** Points of a trail, and how long they stay. */
const TRAIL_POINTS = 40;
const TRAIL_MILLIS = 20_000;
/** Milliseconds of one picture of the browser that go into drawing what came: with many tiles, the rest waits for the next. */
const DRAW_MILLIS = 4;
const RETRY_SECS = [1, 2, 5, 10, 20, 30];

export type FeedState = { kind: "connecting" } | { kind: "open" } | { kind: "waiting"; secs: number };

interface TrailPoint {
  x: number;
  y: number;
  at: number;
}

/** What is known of one stream now. */
export class SceneNow {
  boxes = $state.raw<Box[]>([]);
  trails = $state.raw<Map<string, TrailPoint[]>>(new Map());
  /** Whether anybody can see it: what is out of sight is not drawn. */
  inSight = true;

  update(boxes: Box[], now: number) {
    const trails = new Map<string, TrailPoint[]>();
    for (const { tag, box } of boxes) {
      const [x = 0, y = 0, width = 0, height = 0] = box;
      const trail = (this.trails.get(tag) ?? []).filter((point) => now - point.at < TRAIL_MILLIS);
      trail.push({ x: x + width / 2, y: y + height, at: now });
      trails.set(tag, trail.slice(-TRAIL_POINTS));
    }
    this.boxes = boxes;
    this.trails = trails;
  }
}

export class BoxFeed {
  state = $state<FeedState>({ kind: "connecting" });
  #scenes = new Map<string, SceneNow>();
  #streams: string[] = [];
  #socket: WebSocket | undefined;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** The last boxes of each stream that are not drawn yet. */
  #waiting = new Map<string, Box[]>();
  #drawing = false;

  scene(stream: string): SceneNow {
    let scene = this.#scenes.get(stream);
    if (!scene) this.#scenes.set(stream, (scene = new SceneNow()));
    return scene;
  }

  /** Follows these streams from now on. */
  follow(streams: string[]) {
    if (streams.join("\n") === this.#streams.join("\n")) return;
    this.#streams = streams;
    if (this.#socket?.readyState === WebSocket.OPEN && streams.length > 0) {
      this.#socket.send(JSON.stringify({ streams }));
    } else if (!this.#timer) {
      this.#connect();
    }
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect() {
    this.#socket?.close();
    this.#timer = undefined;
    if (this.#closed || this.#streams.length === 0) return;
    this.state = { kind: "connecting" };
    const query = new URLSearchParams(this.#streams.map((stream) => ["stream", stream]));
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/boxes/live?${query}`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#failures = 0;
      this.state = { kind: "open" };
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "boxes") this.#draw(message.stream, message.boxes);
    };
    socket.onclose = () => {
      if (this.#closed || this.#socket !== socket) return;
      this.#wait(RETRY_SECS[Math.min(this.#failures++, RETRY_SECS.length - 1)] ?? 30);
    };
  }

  #draw(stream: string, boxes: Box[]) {
    this.#waiting.set(stream, boxes);
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => this.#turn());
  }

  #turn() {
    const end = performance.now() + DRAW_MILLIS;
    let left = false;
    for (const [stream, boxes] of this.#waiting) {
      const scene = this.scene(stream);
      if (!scene.inSight) continue;
      const now = performance.now();
      if (now > end) {
        left = true;
        break;
      }
      this.#waiting.delete(stream);
      flushSync(() => scene.update(boxes, now));
    }
    this.#drawing = left && !this.#closed;
    if (this.#drawing) requestAnimationFrame(() => this.#turn());
  }

  #wait(secs: number) {
    if (secs <= 0) return this.#connect();
    this.state = { kind: "waiting", secs };
    this.#timer = setTimeout(() => this.#wait(secs - 1), 1000);
  }
}
