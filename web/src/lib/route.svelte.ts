// The page that is shown stands in the address's fragment, with its filter: links keep both, and no server sees them.

export type PageName = "live" | "timeline" | "streams" | "health" | "login";
const NAMES: PageName[] = ["live", "timeline", "streams", "health", "login"];

/** What is not percent-encoded as it should be stands as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function read(): { name: PageName; rest: string; query: URLSearchParams } {
  const [path = "", search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [first = "", ...rest] = path.split("/");
  const name = NAMES.find((known) => known === first) ?? "live";
  return { name, rest: decode(rest.join("/")), query: new URLSearchParams(search) };
}

class Route {
  current = $state.raw(read());

  constructor() {
    addEventListener("hashchange", () => (this.current = read()));
  }

  /** Changes the filter of the page without a new entry in the history. */
  setQuery(query: URLSearchParams) {
    const text = query.toString();
    history.replaceState(null, "", `#/${this.current.name}${text ? `?${text}` : ""}`);
    this.current = read();
  }
}

export const route = new Route();
