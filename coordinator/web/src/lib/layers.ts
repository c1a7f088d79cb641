// What the map puts into the document: a path for each area, or, where areas are many, a path for all areas that look the same.
import type { Drawing } from './geometry';
import type { Pattern } from './paint';

export interface Look {
  fill: string;
  pattern: Pattern | null;
}
/** A line around areas; a thin one has no white edge. */
export interface Outline {
  keys: readonly string[];
  colour: string;
  thin?: boolean;
}
export interface Layer {
  id: string;
  /** the area, where the layer is one area */
  key: string | null;
  path: string;
  look: Look;
}

/** More outlines than this share paths: a document of thousands of elements is slow to change. */
export const MANY = 500;
/** Between pale areas with a pattern a white line would not be seen. */
const PALE: ReadonlySet<string> = new Set(['#ffffff', '#e9edf1']);
export const edgeOf = ({ fill, pattern }: Look): string => (pattern !== null && PALE.has(fill) ? '#9aa8b5' : '#ffffff');

export const NO_VALUE: Look = { fill: '#e9edf1', pattern: null };

export function layersOf({ shapes }: Drawing, look: (key: string) => Look | null, many: boolean): Layer[] {
  const lookOf = (key: string | null) => (key === null ? null : look(key)) ?? NO_VALUE;
  if (!many) return shapes.map(({ nil, key, path }) => ({ id: nil, key, path, look: lookOf(key) }));
  const groups = new Map<string, { look: Look; paths: string[] }>();
  for (const { key, path } of shapes) {
    const one = lookOf(key);
    const id = `${one.fill} ${one.pattern ?? ''}`;
    const group = groups.get(id);
    if (group) group.paths.push(path);
    else groups.set(id, { look: one, paths: [path] });
  }
  return [...groups].map(([id, group]) => ({ id, key: null, path: group.paths.join(''), look: group.look }));
}

/** The outlines of each area. */
export function shapesOf({ shapes }: Drawing): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { key, path } of shapes) {
    if (key === null) continue;
    const paths = found.get(key);
    if (paths) paths.push(path);
    else found.set(key, [path]);
  }
  return found;
}
