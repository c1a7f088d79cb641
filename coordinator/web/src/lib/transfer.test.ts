import { afterEach, describe, expect, it, vi } from 'vitest';
import { Problem, asProblem } from './api/client';
import { clear } from './api/held';
import { fetchFile, nameOf } from './api/files';
import { Transfer } from './transfer.svelte';

describe('a file on its way', () => {
  it('moves from waiting over moving to waiting for the answer, and ends idle', async () => {
    const transfer = new Transfer();
    const seen: string[] = [];
    const made = await transfer.run(async ({ report }) => {
      seen.push(transfer.stage);
      report(3, 10);
      seen.push(`${transfer.stage} ${transfer.done} of ${transfer.all}`);
      report(10, 10);
      seen.push(transfer.stage);
      return 'made';
    });
    expect(made).toBe('made');
    expect(seen).toEqual(['waiting', 'moving 3 of 10', 'waiting']);
    expect(transfer.stage).toBe('idle');
  });
  it('says that it was called off, which is no failure', async () => {
    const transfer = new Transfer();
    const made = transfer.run(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))));
    transfer.cancel();
    expect(await made).toBeNull();
    expect(transfer.stage).toBe('cancelled');
    expect(transfer.problem).toBeNull();
  });
  it('keeps why it failed, and can be begun again', async () => {
    const transfer = new Transfer();
    await transfer.run(() => Promise.reject(new Problem({ status: 413, code: 'too-large' })));
    expect(transfer.problem?.code).toBe('too-large');
    expect(await transfer.run(() => Promise.resolve(1))).toBe(1);
    expect(transfer.problem).toBeNull();
  });
  it('is one at a time', async () => {
    const transfer = new Transfer();
    let end = () => {};
    const first = transfer.run(() => new Promise<number>((resolve) => (end = () => resolve(1))));
    expect(await transfer.run(() => Promise.resolve(2))).toBeNull();
    end();
    expect(await first).toBe(1);
  });
});

describe('a file that is fetched', () => {
  afterEach(() => vi.unstubAllGlobals());
  /** Of a file whose first bytes come and whose others do not. */
  const broken = async (error: unknown) => {
    let pulled = 0;
    const body = new ReadableStream({ pull: (to) => (pulled++ === 0 ? to.enqueue(new Uint8Array(3)) : to.error(error)) });
    vi.stubGlobal('fetch', async () => new Response(body));
    return fetchFile('log/evidence', { report: () => {}, signal: new AbortController().signal }).catch((thrown: unknown) => thrown);
  };
  it('and breaks off on its way says that the service does not answer', async () => {
    expect(asProblem(await broken(new TypeError('network error')))).toMatchObject({ code: 'unreachable' });
  });
  it('and is called off on its way is no failure', async () => {
    expect(await broken(new DOMException('called off', 'AbortError'))).toMatchObject({ name: 'AbortError' });
  });
});

/** A browser's storage for a site, with the files in it by name. */
function storage(quota = 1e12) {
  const files = new Map<string, { bytes: number[]; lastModified: number }>();
  const fileOf = (name: string) => ({
    kind: 'file',
    getFile: async () => Object.assign(new Blob([new Uint8Array(files.get(name)?.bytes ?? [])]), { lastModified: files.get(name)?.lastModified ?? 0 }),
    createWritable: async () => ({
      write: async (part: Uint8Array) => void files.get(name)?.bytes.push(...part),
      close: async () => {},
      abort: async () => {},
    }),
  });
  const folder = {
    getFileHandle: async (name: string) => (files.set(name, { bytes: [], lastModified: Date.now() }), fileOf(name)),
    removeEntry: async (name: string) => void files.delete(name),
    entries: async function* () {
      for (const name of [...files.keys()]) yield [name, fileOf(name)];
    },
  };
  const root = { getDirectoryHandle: async () => folder, removeEntry: async () => files.clear() };
  vi.stubGlobal('navigator', { storage: { getDirectory: async () => root, estimate: async () => ({ quota, usage: 0 }) } });
  vi.stubGlobal('FileSystemFileHandle', class { createWritable() {} });
  return files;
}

describe('a file that arrives where there is storage', () => {
  afterEach(() => vi.unstubAllGlobals());
  const watch = () => ({ report: () => {}, signal: new AbortController().signal });
  it('is kept there, and what arrived long ago is cleared away', async () => {
    const files = storage();
    files.set('old', { bytes: [1], lastModified: Date.now() - 7_200_000 });
    files.set('another', { bytes: [1], lastModified: Date.now() });
    vi.stubGlobal('fetch', async () => new Response(new Uint8Array([7, 8, 9]), { headers: { 'content-type': 'application/zip' } }));
    const { content } = await fetchFile('log/evidence', watch());
    expect(content.type).toBe('application/zip');
    expect([...new Uint8Array(await content.arrayBuffer())]).toEqual([7, 8, 9]);
    expect([...files.keys()]).toContain('another');
    expect(files.has('old')).toBe(false);
    expect(files.size).toBe(2);
  });
  it('is kept in memory where that storage is too small', async () => {
    const files = storage(5);
    vi.stubGlobal('fetch', async () => new Response(new Uint8Array([7, 8, 9]), { headers: { 'content-length': '3' } }));
    const { content } = await fetchFile('log/evidence', watch());
    expect([...new Uint8Array(await content.arrayBuffer())]).toEqual([7, 8, 9]);
    expect(files.size).toBe(0);
  });
  it('and does not outlive the session', async () => {
    const files = storage();
    files.set('arrived', { bytes: [1], lastModified: Date.now() });
    await clear();
    expect(files.size).toBe(0);
  });
  it('and breaks off leaves nothing there', async () => {
    const files = storage();
    let pulled = 0;
    const body = new ReadableStream({ pull: (to) => (pulled++ === 0 ? to.enqueue(new Uint8Array(3)) : to.error(new TypeError('network error'))) });
    vi.stubGlobal('fetch', async () => new Response(body));
    await expect(fetchFile('log/evidence', watch())).rejects.toMatchObject({ code: 'unreachable' });
    expect(files.size).toBe(0);
  });
});

describe('names of files', () => {
  it('come from the server and are no paths', () => {
    expect(nameOf('attachment; filename="coordinator-evidence.zip"')).toBe('coordinator-evidence.zip');
    expect(nameOf('attachment; filename="../x"')).toBeNull();
    expect(nameOf(null)).toBeNull();
  });
});
