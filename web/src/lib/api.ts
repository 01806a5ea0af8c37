// The API as far as the page uses it. Types follow its OpenAPI document.

export interface Packets {
  received: number;
  gated: number;
  decoded: number;
  corrupt: number;
  held: number;
  dropped: Record<string, number>;
}

export interface Stream {
  name: string;
  address: string;
  state: string;
  reason?: string;
  recording: boolean;
  profile?: string;
  purpose?: string;
  retention?: string;
  eye?: number;
  codec?: { name: string; width: number; height: number };
  coverage: number;
  looks_per_sec: number;
  lag_millis: number;
  cpu_millis_per_sec: number;
  tags: number;
  events: number;
  packets: Packets;
  lost: number;
  reconnects: Record<string, number>;
  long_gop: boolean;
}

export interface Box {
  tag: string;
  label: string;
  box: [number, number, number, number];
  score: number;
  seen: boolean;
  stationary: boolean;
}

export interface OcelliEvent {
  id: string;
  stream: string;
  kind: string;
  tag?: string;
  label?: string;
  score: number;
  time: string;
  coverage: number;
  rule?: string;
  place?: string;
  reason?: string;
  direction?: string;
  dwell_secs?: number;
  speed_kmh?: number;
  count?: number;
  count_out?: number;
  appeared_inside?: boolean;
}

export interface Me {
  user: string;
  role: string;
  box_streams_max: number;
}

/** An answer that is no success: RFC 9457. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    title: string,
  ) {
    super(title);
  }
}

type Query = Record<string, string | number | string[] | undefined>;

function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const item of value) search.append(key, item);
    else if (value !== undefined && value !== "") search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const answer = await fetch(path, {
    method,
    credentials: "same-origin",
    headers: body === undefined ? {} : { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, problem.detail ?? problem.title ?? answer.statusText);
}

async function get<T>(path: string, query?: Query): Promise<T> {
  return (await send("GET", address(path, query))).json();
}

export interface EventFilter {
  stream?: string[];
  kind?: string[];
  label?: string[];
  from?: string;
  to?: string;
}

export const api = {
  me: () => get<Me>("/api/v1/me"),
  logIn: (user: string, password: string) => send("POST", "/api/v1/login", { user, password }),
  logInByLink: (link: string) => send("POST", "/api/v1/login/link", { link }),
  logOut: () => send("POST", "/api/v1/logout"),
  streams: async (): Promise<Stream[]> => {
    const all: Stream[] = [];
    let after: string | undefined;
    do {
      const page: { streams: Stream[]; next?: string } = await get("/api/v1/streams", { after });
      all.push(...page.streams);
      after = page.next;
    } while (after);
    return all;
  },
  eyes: () => get<{ eyes: Eye[] }>("/api/v1/eyes"),
  events: (filter: EventFilter, after?: string, limit = 100) =>
    get<{ events: OcelliEvent[]; next?: string }>("/api/v1/events", { ...filter, cursor: after, limit }),
};

export interface Eye {
  number?: number;
  ready: boolean;
  starts: number;
  last_end?: string;
  cpu_load: number;
  memory_bytes: number;
  streams: number;
  sandbox: { landlock: boolean; seccomp: boolean; undumpable: boolean; missing?: string; refused_syscalls: number };
}
