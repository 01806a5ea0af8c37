// How often lines were crossed and zones entered since the page was opened: a feed of events, counted here.
import type { OcelliEvent } from "./api";

const RETRY_MILLIS = 2000;

export interface Crossings {
  in: number;
  out: number;
}

export class CrossingFeed {
  counts = $state<Record<string, Crossings>>({});
  #seen = new Set<string>();
  #last = "";
  #socket: WebSocket | undefined;
  #closed = false;

  constructor(private stream: string) {
    this.#connect();
  }

  close() {
    this.#closed = true;
    this.#socket?.close();
  }

  /** A shape that was drawn anew counts from nothing. */
  forget(place: string) {
    delete this.counts[place];
  }

  #connect() {
    const query = new URLSearchParams({ stream: this.stream });
    for (const kind of ["crossed", "entered", "left"]) query.append("kind", kind);
    // Nothing is missed while the connection is away.
    if (this.#last) query.set("after", this.#last);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/events/live?${query}`);
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type !== "event") return;
      this.#last = message.cursor;
      this.#count(message.event);
    };
    socket.onclose = () => {
      if (!this.#closed) setTimeout(() => this.#closed || this.#connect(), RETRY_MILLIS);
    };
  }

  #count({ id, kind, place, direction }: OcelliEvent) {
    if (!place || this.#seen.has(id)) return;
    this.#seen.add(id);
    const count = this.counts[place] ?? { in: 0, out: 0 };
    const inwards = kind === "entered" || direction === "right";
    this.counts[place] = inwards ? { ...count, in: count.in + 1 } : { ...count, out: count.out + 1 };
  }
}
