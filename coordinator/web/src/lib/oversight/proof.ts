// Checks in the reader's browser that the entries about a decision stand in the coordinator's log. It recomputes every leaf and every path
// to every head (RFC 6962), and verifies the heads' signatures and cosignatures (C2SP) where the browser has Ed25519. The keys come from the
// same server as the proof, so this is a convenience: only an evidence pack checked with keys received by another way proves anything.
import type { LogProof } from './types';

/** What does not hold. */
export type Finding = 'malformed' | 'leaf' | 'other-entry' | 'checkpoint' | 'signature' | 'inclusion' | 'cosignature';

export interface CheckedHead {
  size: number;
  root: string;
  /** Nodes whose cosignatures hold, and when each cosigned (Unix seconds); empty where signatures could not be checked. */
  witnesses: { name: string; at: number }[];
}
export interface Verdict {
  finding: Finding | null;
  /** Whether this browser could check signatures. */
  signatures: boolean;
  heads: CheckedHead[];
}

class Found extends Error {
  constructor(readonly finding: Finding) {
    super(finding);
  }
}
const require = (fact: unknown, finding: Finding): void => {
  if (!fact) throw new Found(finding);
};

type Bytes = Uint8Array<ArrayBuffer>;
const encoder = new TextEncoder();
const utf8 = (text: string): Bytes => new Uint8Array(encoder.encode(text));

function joined(...parts: readonly (Uint8Array | readonly number[])[]): Bytes {
  const all = new Uint8Array(parts.reduce((length, one) => length + one.length, 0));
  let at = 0;
  for (const one of parts) {
    all.set(one, at);
    at += one.length;
  }
  return all;
}

async function sha256(...parts: readonly (Uint8Array | readonly number[])[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', joined(...parts)));
}

function fromHex(text: string): Bytes {
  require(/^(?:[0-9a-f]{2}){32}$/.test(text), 'malformed');
  return Uint8Array.from({ length: 32 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}
const toHex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

function fromBase64(text: string, finding: Finding): Bytes {
  require(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text), finding);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

const LOG = 1;
const WITNESS = 4;
interface NoteKey {
  name: string;
  kind: number;
  id: Bytes;
  key: Bytes;
}

/** `NAME+ID+BASE64` of one byte of type and 32 bytes of key; the id must be the first 4 bytes of the hash of all of them. */
async function readKey(text: string, kind: number): Promise<NoteKey> {
  const [name, id, encoded, ...more] = text.split('+', 2).concat(text.split('+').slice(2).join('+'));
  require(name && id && encoded && more.length === 0, 'malformed');
  const bytes = fromBase64(encoded ?? '', 'malformed');
  require(bytes.length === 33 && bytes[0] === kind, 'malformed');
  const key = bytes.slice(1);
  const expected = (await sha256(utf8(name ?? ''), [0x0a, kind], key)).slice(0, 4);
  require(toHex(expected) === id, 'malformed');
  return { name: name ?? '', kind, id: expected, key };
}

interface Note {
  text: string;
  size: number;
  root: Bytes;
  lines: { name: string; id: Bytes; rest: Bytes }[];
}

/** A signed note whose text is a checkpoint: origin, size, root. */
function readNote(note: string, origin: string): Note {
  const end = note.lastIndexOf('\n\n');
  require(end > 0 && note.endsWith('\n'), 'checkpoint');
  const text = note.slice(0, end + 1);
  const parts = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n$/.exec(text);
  require(parts !== null && parts[1] === origin, 'checkpoint');
  const lines = note
    .slice(end + 2, -1)
    .split('\n')
    .map((line) => {
      const found = /^\u2014 (\S+) (\S+)$/.exec(line);
      require(found !== null, 'checkpoint');
      const bytes = fromBase64(found?.[2] ?? '', 'checkpoint');
      require(bytes.length > 4, 'checkpoint');
      return { name: found?.[1] ?? '', id: bytes.slice(0, 4), rest: bytes.slice(4) };
    });
  return { text, size: Number(parts?.[2]), root: fromBase64(parts?.[3] ?? '', 'checkpoint'), lines };
}

/** Whether a message carries the key's signature; `null` where this browser has no Ed25519. */
async function isSigned(key: Bytes, signature: Bytes, message: Bytes): Promise<boolean | null> {
  let imported: CryptoKey;
  try {
    imported = await crypto.subtle.importKey('raw', key, { name: 'Ed25519' }, false, ['verify']);
  } catch {
    return null;
  }
  return signature.length === 64 && crypto.subtle.verify({ name: 'Ed25519' }, imported, signature, message);
}

/** RFC 9162, section 2.1.3.2. */
async function rootOf(leaf: Bytes, index: number, size: number, path: readonly Bytes[]): Promise<Bytes> {
  require(Number.isSafeInteger(index) && index >= 0 && index < size, 'inclusion');
  const half = (number: number) => Math.floor(number / 2);
  let [position, last, hash] = [index, size - 1, leaf];
  for (const sibling of path) {
    require(last !== 0, 'inclusion');
    if (position % 2 === 1 || position === last) {
      hash = await sha256([1], sibling, hash);
      while (position % 2 === 0 && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      hash = await sha256([1], hash, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  require(last === 0, 'inclusion');
  return hash;
}

interface Facts {
  query?: unknown;
  request?: unknown;
}

/** The entries must be about this question, and one about this request where there is one. */
function aboutDecision(headers: readonly { facts: Facts }[], id: string, query: string): void {
  require(headers.length > 0, 'other-entry');
  for (const { facts } of headers) require(facts.query === query && (facts.request === undefined || facts.request === id), 'other-entry');
  if (id !== query) require(headers.some(({ facts }) => facts.request === id), 'other-entry');
}

/**
 * Checks a proof for the decision `id` on the question `query`. `logged` is false for a request that no entry names yet: it was never sent.
 */
export async function verify(proof: LogProof, id: string, query: string, logged = true): Promise<Verdict> {
  const heads: CheckedHead[] = [];
  let signatures = true;
  try {
    const log = await readKey(proof.log_key, LOG);
    const witnesses = await Promise.all(proof.witness_keys.map((key) => readKey(key, WITNESS)));
    const headers: { index: number; facts: Facts }[] = [];
    const leaves: Bytes[] = [];
    for (const entry of proof.entries) {
      const body = fromHex(entry.body_hash);
      const leaf = await sha256([0], utf8(`${entry.header}\n${toHex(body)}\n`));
      require(toHex(leaf) === entry.leaf, 'leaf');
      let header: { index: number; facts: Facts };
      try {
        header = JSON.parse(entry.header) as typeof header;
      } catch {
        throw new Found('leaf');
      }
      require(header.index === entry.index && typeof header.facts === 'object', 'leaf');
      headers.push(header);
      leaves.push(leaf);
    }
    aboutDecision(headers, logged ? id : query, query);
    require(proof.heads.length > 0, 'checkpoint');
    for (const head of proof.heads) {
      require(head.paths.length === leaves.length, 'malformed');
      const note = readNote(head.note, log.name);
      const line = note.lines.find(({ name, id: key }) => name === log.name && equal(key, log.id));
      require(line, 'signature');
      const signed = await isSigned(log.key, line?.rest ?? new Uint8Array(), utf8(note.text));
      if (signed === null) signatures = false;
      else require(signed, 'signature');
      for (const [i, path] of head.paths.entries()) {
        const leaf = leaves[i] ?? new Uint8Array();
        const root = await rootOf(leaf, headers[i]?.index ?? -1, note.size, path.map(fromHex));
        require(equal(root, note.root), 'inclusion');
      }
      heads.push({ size: note.size, root: toHex(note.root), witnesses: await cosigners(note, witnesses) });
    }
    return { finding: null, signatures, heads };
  } catch (error) {
    if (error instanceof Found) return { finding: error.finding, signatures, heads: [] };
    throw error;
  }
}

/** The known witnesses whose lines hold; a line of a known one that does not is a finding, those of others are passed over. */
async function cosigners(note: Note, known: readonly NoteKey[]): Promise<CheckedHead['witnesses']> {
  const found: CheckedHead['witnesses'] = [];
  for (const line of note.lines) {
    const witness = known.find(({ name, id }) => name === line.name && equal(id, line.id));
    if (!witness) continue;
    require(line.rest.length === 72, 'cosignature');
    const at = Number(new DataView(line.rest.buffer, line.rest.byteOffset).getBigUint64(0));
    const signed = await isSigned(witness.key, line.rest.slice(8), utf8(`cosignature/v1\ntime ${at}\n${note.text}`));
    if (signed === null) continue;
    require(signed, 'cosignature');
    found.push({ name: witness.name, at });
  }
  return found;
}
