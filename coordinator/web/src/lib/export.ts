// What a page shows, as files for people's own tools: a table, areas with their shapes, a drawing. Each file says what it is of: the
// intervals, epsilon, the question's code. Nothing is fetched but public outlines, and nothing leaves the browser.
import type { Outlines } from './api/types';

/** A table with what holds of all its rows. */
export interface Sheet {
  name: string;
  title: string;
  columns: readonly string[];
  rows: readonly (readonly (string | number | boolean | null)[])[];
  /** facts by name, as columns of their own: a row torn out of the file still says what it is */
  facts: Readonly<Record<string, string | number>>;
  /** the same for people, a sentence each */
  notes: readonly string[];
}

/** Text that no spreadsheet takes for a formula, quoted where RFC 4180 asks for it. */
function field(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvOf(sheet: Sheet): string {
  const facts = Object.entries(sheet.facts);
  const line = (fields: readonly (string | number | boolean | null)[]) => `${fields.map(field).join(',')}\r\n`;
  return line([...sheet.columns, ...facts.map(([name]) => name)]) + sheet.rows.map((row) => line([...row, ...facts.map(([, value]) => value)])).join('');
}

/** RFC 7946: the outline of each neighbourhood with the row whose first column names it; rows without an outline have no geometry. */
export function geojsonOf(sheet: Sheet, outlines: Outlines | null): string {
  const shapes = new Map((outlines?.features ?? []).map((outline) => [String(outline.properties.nil), outline.geometry]));
  const features = sheet.rows.map((row) => ({
    type: 'Feature',
    geometry: shapes.get(String(row[0])) ?? null,
    properties: Object.fromEntries(sheet.columns.map((name, i) => [name, row[i] ?? null])),
  }));
  return JSON.stringify({ type: 'FeatureCollection', title: sheet.title, ...sheet.facts, notes: sheet.notes, features });
}

export interface LegendEntry {
  colour: string;
  label: string;
  hatched?: boolean;
  dotted?: boolean;
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Lines of at most so many characters, broken between words. */
export function wrapped(text: string, most: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

export interface Picture {
  svg: string;
  width: number;
  height: number;
}

/** A drawing of the page with its title, legend and notes, as a picture that stands alone. `markup` is the drawing's own SVG element. */
export function pictureOf(sheet: Sheet, markup: string, size: { width: number; height: number }, legend: readonly LegendEntry[]): Picture {
  const width = Math.max(480, size.width);
  const most = Math.floor(width / 7.2);
  const parts: string[] = [];
  let y = 14;
  const text = (line: string, step: number, style: string) => {
    y += step;
    parts.push(`<text x="16" y="${y}" ${style}>${escaped(line)}</text>`);
  };
  for (const line of wrapped(sheet.title, Math.floor(most * 0.8))) text(line, 20, 'font-size="16" font-weight="700" fill="#17324d"');
  y += 12;
  const inner = markup.replace(/^<svg[^>]*>/, (head) => `${head.replace(/\s(?:class|role|aria-\w+|data-\w+|width|height|x|y|style)="[^"]*"/g, '').slice(0, -1)} x="${(width - size.width) / 2}" y="${y}" width="${size.width}" height="${size.height}">`);
  parts.push(inner);
  y += size.height + 4;
  let x = 16;
  if (legend.length > 0) y += 20;
  for (const entry of legend) {
    const wide = 40 + entry.label.length * 7;
    if (x + wide > width && x > 16) {
      x = 16;
      y += 22;
    }
    parts.push(`<rect x="${x}" y="${y - 12}" width="24" height="15" fill="${entry.colour}" stroke="#8a99a8" stroke-width="0.75"/>`);
    if (entry.hatched) parts.push(`<path d="M${x} ${y + 3}l15 -15M${x + 8} ${y + 3}l15 -15" stroke="#17324d" stroke-width="1.6"/>`);
    if (entry.dotted) for (let i = 0; i < 6; i += 1) parts.push(`<circle cx="${x + 4 + 8 * (i % 3)}" cy="${y - 8 + 7 * Math.floor(i / 3)}" r="1.3" fill="#5b6f82"/>`);
    parts.push(`<text x="${x + 30}" y="${y}" font-size="12.5" fill="#1f2f3f">${escaped(entry.label)}</text>`);
    x += wide + 14;
  }
  y += 8;
  for (const note of sheet.notes) for (const line of wrapped(note, most)) text(line, 16, 'font-size="12" fill="#455a6f"');
  const height = Math.ceil(y + 16);
  const metadata = `<metadata>${escaped(JSON.stringify(sheet.facts))}</metadata>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="'Titillium Web', 'Segoe UI', Arial, sans-serif"><title>${escaped(sheet.title)}</title>${metadata}<rect width="${width}" height="${height}" fill="#ffffff"/>${parts.join('')}</svg>`;
  return { svg, width, height };
}

/** The map of a panel with all that lies over it, as one drawing. */
export function mapIn(panel: Element | undefined): SVGSVGElement | null {
  const [areas, ...over] = panel?.querySelectorAll<SVGSVGElement>('svg.map') ?? [];
  const whole = (areas?.cloneNode(true) ?? null) as SVGSVGElement | null;
  for (const one of over) whole?.append(...one.cloneNode(true).childNodes);
  return whole;
}

/** The picture in pixels, twice as fine as it is drawn. */
export async function pngOf({ svg, width, height }: Picture): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = 2 * width;
  canvas.height = 2 * height;
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/png'));
}

/** Hands a file to the browser to keep. */
export function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the file by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
