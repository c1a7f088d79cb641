// Where a file is kept while it arrives: on disk, in the storage that a browser has for this site, so that a large one fills no memory;
// in memory where there is no such storage.

/** A file that arrives part by part. */
export interface Held {
  write: (part: Uint8Array<ArrayBuffer>) => Promise<void>;
  /** The whole file, once all parts are written. */
  whole: (type: string) => Promise<Blob>;
  /** It is not wanted any more. */
  drop: () => Promise<void>;
}

const FOLDER = 'arriving';
/** What a file of unknown length may need. */
const LARGE = 1 << 30;
/** A file that arrived so long ago has been saved by now. */
const STALE_MS = 3_600_000;

function inMemory(): Held {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  return {
    write: async (part) => void parts.push(part),
    whole: async (type) => new Blob(parts, { type }),
    drop: async () => void (parts.length = 0),
  };
}

/** What is saved is read from there for a while, so the next that arrives clears it away. */
async function sweep(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const [name, entry] of folder.entries()) {
    if (entry.kind !== 'file') continue;
    const { lastModified } = await (entry as FileSystemFileHandle).getFile();
    if (Date.now() - lastModified > STALE_MS) await folder.removeEntry(name);
  }
}

async function onDisk(bytes: number | null): Promise<Held> {
  if (!('createWritable' in FileSystemFileHandle.prototype)) throw new Error('this browser writes no files as they come');
  const { quota = 0, usage = 0 } = await navigator.storage.estimate();
  // What is written counts twice until it is whole.
  if (quota - usage < 2 * (bytes ?? LARGE)) throw new Error('too little storage');
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(FOLDER, { create: true });
  // Another page may be at the same work.
  await sweep(folder).catch(() => {});
  const name = crypto.randomUUID();
  const entry = await folder.getFileHandle(name, { create: true });
  const out = await entry.createWritable();
  return {
    write: (part) => out.write(part),
    whole: async (type) => {
      await out.close();
      return (await entry.getFile()).slice(0, undefined, type);
    },
    drop: async () => {
      await out.abort().catch(() => {});
      await folder.removeEntry(name).catch(() => {});
    },
  };
}

/** Clears all away, for whoever reads next on this device: nothing that arrived outlives the session in which it did. */
export async function clear(): Promise<void> {
  try {
    const root = await navigator.storage.getDirectory();
    await root.removeEntry(FOLDER, { recursive: true });
  } catch {
    // Nothing was kept, or this browser keeps nothing.
  }
}

/** A place for a file that is about to arrive, of so many bytes where that is known. */
export async function place(bytes: number | null): Promise<Held> {
  try {
    return await onDisk(bytes);
  } catch {
    return inMemory();
  }
}
