// One page of a list, and how many pages there are.
export function pageOf<T>(items: readonly T[], page: number, size: number): { items: T[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(items.length / size));
  const at = Math.min(pages, Math.max(1, Math.trunc(page) || 1));
  return { items: items.slice((at - 1) * size, at * size), page: at, pages };
}

/** Whether every word of the search stands somewhere in the text, whatever the case and accents. */
export function matches(text: string, search: string): boolean {
  const plain = (value: string) => value.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  const within = plain(text);
  return plain(search).split(/\s+/).every((word) => within.includes(word));
}
