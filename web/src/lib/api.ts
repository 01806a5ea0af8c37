// The API as far as the page uses it. Types come from its OpenAPI document: `npm run types`.
import type { components, paths } from "./openapi";

type Schemas = components["schemas"];
export type Stream = Schemas["StreamEntry"];
export type Box = Schemas["BoxEntry"];
export type OcelliEvent = Schemas["Event"];
export type Eye = Schemas["EyeEntry"];
export type Me = Schemas["Me"];
export type Scene = Schemas["SceneEntry"];
export type Settings = Schemas["SettingsEntry"];
export type StreamKeys = Schemas["StreamKeys"];
export type LookReport = Schemas["LookReport"];
type Wrong = Schemas["Wrong"];

/** An answer that is no success: RFC 9457. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    title: string,
    readonly errors: Wrong[] = [],
  ) {
    super(title);
  }
}

/** What went wrong, each thing on a line of its own. */
export function told(error: unknown): string[] {
  if (error instanceof Problem && error.errors.length > 0) return error.errors.map(({ at, detail }) => (at ? `${at.replace(/^\//, "")}: ${detail}` : detail));
  return [error instanceof Error ? error.message : String(error)];
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

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const answer = await fetch(path, {
    method,
    credentials: "same-origin",
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (answer.ok) return answer;
  const problem: Partial<Schemas["Problem"]> = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, problem.detail ?? problem.title ?? answer.statusText, problem.errors);
}

async function get<T>(path: string, query?: Query): Promise<T> {
  return (await send("GET", address(path, query))).json();
}

const of = (stream: string, part: string) => `/api/v1/streams/${encodeURIComponent(stream)}/${part}`;

/** How a stream is set up, and the tag that goes with a change of it. */
export interface Tagged {
  settings: Settings;
  tag: string;
}

const tagged = async (answer: Response): Promise<Tagged> => ({ settings: await answer.json(), tag: answer.headers.get("etag") ?? "" });

/** Which events: what the API takes, no more. */
export type EventFilter = NonNullable<paths["/api/v1/events"]["get"]["parameters"]["query"]>;

/** A picture as an address of its own, which whoever shows it gives back (`URL.revokeObjectURL`). */
async function picture(path: string): Promise<string | undefined> {
  try {
    return URL.createObjectURL(await (await send("GET", path)).blob());
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return undefined;
    throw error;
  }
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
      const page: Schemas["Streams"] = await get("/api/v1/streams", { after });
      all.push(...page.streams);
      after = page.next;
    } while (after);
    return all;
  },
  scene: (stream: string) => get<Scene>(of(stream, "scene")),
  /** The empty scene; none: not known yet. */
  plate: (stream: string) => picture(of(stream, "plate")),
  /** A redacted still; none: there is none. Looking at it is an entry of the record. */
  still: (event: string) => picture(`/api/v1/events/${encodeURIComponent(event)}/still`),
  settings: async (stream: string) => tagged(await send("GET", of(stream, "settings"))),
  add: async (stream: string, keys: StreamKeys) => tagged(await send("PUT", of(stream, "settings"), keys, { "if-none-match": "*" })),
  change: async (stream: string, keys: StreamKeys, tag: string) => tagged(await send("PUT", of(stream, "settings"), keys, { "if-match": tag })),
  remove: (stream: string, tag: string) => send("DELETE", of(stream, "settings"), undefined, { "if-match": tag }),
  profiles: async () => (await get<Schemas["Profiles"]>("/api/v1/profiles")).profiles,
  look: async (camera: Schemas["Look"]): Promise<LookReport> => (await send("POST", "/api/v1/probe", camera)).json(),
  eyes: () => get<Schemas["Eyes"]>("/api/v1/eyes"),
  events: (filter: EventFilter) => get<Schemas["EventPage"]>("/api/v1/events", filter),
};
