// Zones, lines and masks of a stream, as they are drawn.
import type { Scene, StreamKeys } from "./api";

export type Point = [number, number];
export type Kind = "line" | "zone" | "mask";

export interface Shape {
  kind: Kind;
  name: string;
  points: Point[];
  /** Whether it was said through the API, and may be changed there. */
  own: boolean;
}

/** Fewest points of each kind. */
export const POINTS_MIN: Record<Kind, number> = { line: 2, zone: 3, mask: 3 };

type Rules = Record<string, unknown>[];

function lines(rules: Rules): { name: string; points: Point[] }[] {
  return rules.flatMap((rule) => {
    const line = rule["line"] as { name?: string; points?: Point[] } | undefined;
    return line?.name && line.points ? [{ name: line.name, points: line.points }] : [];
  });
}

/** Everything that is drawn over a stream. */
export function shapesOf(scene: Scene, own: StreamKeys = {}): Shape[] {
  const ownLines = new Set(lines((own.rules ?? []) as Rules).map(({ name }) => name));
  const ownMasks = own.masks?.length ?? 0;
  return [
    ...Object.entries(scene.zones).map(([name, points]) => ({ kind: "zone" as const, name, points: points as Point[], own: name in (own.zones ?? {}) })),
    ...lines(scene.rules as Rules).map(({ name, points }) => ({ kind: "line" as const, name, points, own: ownLines.has(name) })),
    // A stream's masks come behind its profile's.
    ...scene.masks.map(({ points }, index) => ({
      kind: "mask" as const,
      name: `mask-${index + 1}`,
      points: points as Point[],
      own: index >= scene.masks.length - ownMasks,
    })),
  ];
}

const round = (points: Point[]): Point[] => points.map(([x, y]) => [Math.round(x * 1e4) / 1e4, Math.round(y * 1e4) / 1e4]);

/** The keys with one more shape, or another one of the same name. A zone comes with the rule that counts who enters it. */
export function withShape(keys: StreamKeys, { kind, name, points }: Shape): StreamKeys {
  const rest = withoutShape(keys, { kind, name, points, own: true });
  if (kind === "mask") return { ...rest, masks: [...(rest.masks ?? []), { points: round(points), labels: [] }] };
  const rules = [...(rest.rules ?? [])];
  if (kind === "line") return { ...rest, rules: [...rules, { line: { name, points: round(points) } }] };
  return { ...rest, zones: { ...rest.zones, [name]: round(points) }, rules: [...rules, { zone: { name, zone: name } }] };
}

/** The keys without a shape, and without the rules that need it. */
export function withoutShape(keys: StreamKeys, { kind, name, points }: Shape): StreamKeys {
  if (kind === "mask") return { ...keys, masks: (keys.masks ?? []).filter((mask) => JSON.stringify(mask.points) !== JSON.stringify(points)) };
  const rules = (keys.rules ?? []).filter((rule) => {
    const { line, zone, count } = rule as Record<string, { name?: string; zone?: string; line?: string } | undefined>;
    return kind === "line" ? line?.name !== name && count?.line !== name : zone?.zone !== name;
  });
  const zones = { ...keys.zones };
  if (kind === "zone") delete zones[name];
  return { ...keys, zones, rules };
}

/** A name that no shape has. */
export function freeName(kind: Kind, shapes: Shape[]): string {
  for (let number = 1; ; number++) {
    const name = `${kind}-${number}`;
    if (!shapes.some((shape) => shape.name === name)) return name;
  }
}

/** Where a line's arrow stands, and whereto: its right, which counts as in. Units of the picture. */
export function arrow(points: Point[], length: number): { from: Point; to: Point } {
  const middle = Math.floor((points.length - 1) / 2);
  const a: Point = points[middle] ?? [0, 0];
  const b: Point = points[middle + 1] ?? [0, 0];
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const size = Math.hypot(dx, dy) || 1;
  const from: Point = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  return { from, to: [from[0] - (dy / size) * length, from[1] + (dx / size) * length] };
}
