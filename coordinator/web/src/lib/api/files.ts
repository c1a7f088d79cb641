// Files on their way to the coordinator and back, so that a page can say how far they are and call them off.
import { BASE, Problem, brokenOff, isBack, readProblem, send } from './client';
import { place } from './held';

/** Who is told how far a file is, in bytes, and can call it off. */
export interface Watch {
  /** `all` is null where it is not known. */
  report: (done: number, all: number | null) => void;
  signal: AbortSignal;
}

const calledOff = () => new DOMException('called off', 'AbortError');

/** Sends a file; what is made of it stands at the address returned. */
export async function sendFile(path: string, file: Blob, type: string, watch: Watch): Promise<string | null> {
  for (;;) {
    const answer = await sendOnce(path, file, type, watch);
    if (answer.ok) return answer.headers.get('location');
    const problem = await readProblem(answer);
    if (!(await isBack(problem, path, watch.signal))) throw problem;
  }
}

/** `fetch` says nothing of what has left, so this is the older way. */
function sendOnce(path: string, file: Blob, type: string, { report, signal }: Watch): Promise<Response> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(calledOff());
    const call = new XMLHttpRequest();
    const stop = () => call.abort();
    signal.addEventListener('abort', stop, { once: true });
    call.open('POST', `${BASE}/${path}`);
    call.setRequestHeader('accept', 'application/json');
    call.setRequestHeader('content-type', type);
    call.upload.onprogress = ({ loaded, total, lengthComputable }) => report(loaded, lengthComputable ? total : null);
    call.upload.onload = () => report(file.size, file.size);
    call.onload = () => {
      const location = call.getResponseHeader('location');
      resolve(new Response(call.status === 204 ? null : call.responseText, { status: call.status, headers: location === null ? {} : { location } }));
    };
    call.onerror = () => reject(new Problem({ status: 0, code: 'unreachable' }));
    call.onabort = () => reject(calledOff());
    call.onloadend = () => signal.removeEventListener('abort', stop);
    call.send(file);
  });
}

/** The name that the coordinator gives a file. */
export const nameOf = (disposition: string | null): string | null => disposition?.match(/filename="([^"/\\]+)"/)?.[1] ?? null;

/** Fetches a file, with its name. */
export async function fetchFile(path: string, { report, signal }: Watch): Promise<{ name: string | null; content: Blob }> {
  const response = await send('GET', path, undefined, { accept: '*/*' }, signal);
  const length = Number(response.headers.get('content-length') ?? NaN);
  // A length of compressed bytes says nothing of those that are counted here.
  const all = response.headers.has('content-encoding') || !Number.isFinite(length) ? null : length;
  let done = 0;
  report(done, all);
  const held = await place(all);
  const reader = response.body?.getReader();
  const next = async () => await reader?.read().catch((error: unknown) => Promise.reject(brokenOff(error)));
  try {
    for (let part = await next(); part && !part.done; part = await next()) {
      await held.write(part.value as Uint8Array<ArrayBuffer>);
      done += part.value.length;
      report(done, all);
    }
    return { name: nameOf(response.headers.get('content-disposition')), content: await held.whole(response.headers.get('content-type') ?? '') };
  } catch (error) {
    await held.drop();
    throw error;
  }
}
