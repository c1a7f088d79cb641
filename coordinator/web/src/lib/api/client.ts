// Every call to the coordinator: same origin, JSON in, JSON out, failures as one Problem with a code the catalogue renders.
import type {
  Account, Comparison, Consistent, CubeInfo, ForecastSummary, ForecastView, ForecastWanted, Geography, LogEntry, Months, NodeInfo, Outlines, Preview,
  ProblemBody, Protection, PublishedOffer, Query, QueryView, Release, ReleaseSummary, Statistics, Study, Taxonomy,
} from './types';
import type { Description } from '../openapi';

export const BASE = '/api/v1';

/** The body that asks a cube for months again, or for what is due. */
const wanted = (revise: Months | null) => (revise ? { revise } : {});

/** A refusal or failure of the coordinator, or of the way to it (`code` is then `unreachable`). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly params: Record<string, unknown>;
  readonly path: string | undefined;
  readonly detail: string | undefined;

  constructor(body: ProblemBody) {
    super(body.code);
    this.status = body.status;
    this.code = body.code;
    this.params = body.params ?? {};
    this.path = body.path;
    this.detail = body.detail;
  }
}

/** Any thrown thing as a Problem, so that pages show one kind of failure. */
export function asProblem(thrown: unknown): Problem {
  return thrown instanceof Problem ? thrown : new Problem({ status: 0, code: 'unexpected' });
}

let onSignedOut: () => Promise<boolean> = async () => false;
/** Calls `handler` whenever the coordinator says that nobody is signed in; it tells whether the same reader has come back since. */
export function whenSignedOut(handler: () => Promise<boolean>): void {
  onSignedOut = handler;
}

/** What broke off a call: whoever called it off, or else the way to the coordinator. */
export const brokenOff = (error: unknown): unknown => (error instanceof DOMException && error.name === 'AbortError' ? error : new Problem({ status: 0, code: 'unreachable' }));

/** Sends a request; one that comes after the end of a session waits until the same reader has signed in again. */
export async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
  for (;;) {
    const response = await once(method, path, body, headers, signal);
    if (response.ok) return response;
    const problem = await readProblem(response);
    if (!(await isBack(problem, path, signal))) throw problem;
  }
}

async function once(method: string, path: string, body: unknown, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(path.startsWith('/') ? path : `${BASE}/${path}`, {
      method,
      credentials: 'same-origin',
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    throw brokenOff(error);
  }
}

/** Whether a refused request may be sent again: nobody was signed in, and by now the same reader is. */
export async function isBack(problem: Problem, path: string, signal?: AbortSignal): Promise<boolean> {
  if (problem.status !== 401 || path === 'session') return false;
  const back = await onSignedOut();
  signal?.throwIfAborted();
  return back;
}

/** A refusal as a Problem. */
export async function readProblem(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as Partial<ProblemBody>;
    return new Problem({ ...body, status: response.status, code: body.code ?? `http-${response.status}` });
  } catch {
    return new Problem({ status: response.status, code: `http-${response.status}` });
  }
}

export async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await send('GET', path, undefined, {}, signal)).json()) as T;
}

export const idAfter = (location: string | null, resource: string): string | null => {
  const found = location?.match(new RegExp(`/${resource}/([^/?#]+)`));
  return found?.[1] ? decodeURIComponent(found[1]) : null;
};

/** Where an asked question is to be followed, or the release that answers it. */
function whereTo(response: Response): { query: string } | { release: string } {
  const location = response.headers.get('location');
  const release = idAfter(location, 'releases');
  if (release) return { release };
  const asked = idAfter(location, 'queries');
  if (asked) return { query: asked };
  throw new Problem({ status: response.status, code: 'unexpected' });
}

export const api = {
  /** Who is signed in; null when nobody is. */
  session: async (): Promise<Account | null> => (await read<{ account: Account | null }>('session')).account,
  signIn: async (name: string, password: string): Promise<Account> =>
    ((await (await send('POST', 'session', { name, password })).json()) as { account: Account }).account,
  signOut: async (): Promise<void> => void (await send('DELETE', 'session')),
  protection: () => read<Protection>('protection'),
  description: () => read<Description>('openapi.json'),
  geography: () => read<Geography>('geography'),
  outlines: (url: string) => read<Outlines>(url),
  taxonomy: () => read<Taxonomy>('taxonomy'),
  studies: async () => (await read<{ studies: Study[] }>('studies')).studies,
  nodes: async () => (await read<{ nodes: NodeInfo[] }>('nodes')).nodes,
  releases: async () => (await read<{ releases: ReleaseSummary[] }>('releases')).releases,
  release: (id: string) => read<Release>(`releases/${encodeURIComponent(id)}`),
  /** Means, rates or quantiles of a release, with intervals; for nothing. */
  statistics: (id: string, wanted: Record<string, string>) => read<Statistics>(`releases/${encodeURIComponent(id)}/statistics?${new URLSearchParams(wanted)}`),
  statisticsFile: (id: string, wanted: Record<string, string>) => `${BASE}/releases/${encodeURIComponent(id)}/statistics.csv?${new URLSearchParams(wanted)}`,
  /** Areas of a release compared, with what may be claimed; for nothing. */
  comparison: (id: string, wanted: Record<string, string>) => read<Comparison>(`releases/${encodeURIComponent(id)}/comparison?${new URLSearchParams(wanted)}`),
  /** Estimates of all levels of a question that agree with each other; for nothing. */
  consistent: (id: string, with_: readonly string[] = []) =>
    read<Consistent>(`releases/${encodeURIComponent(id)}/consistent${with_.length > 0 ? `?with=${with_.map(encodeURIComponent).join(',')}` : ''}`),
  /** Begins a forecast of released series, or finds it; its identifier. */
  beginForecast: async (wanted: ForecastWanted): Promise<string> => {
    const response = await send('POST', 'forecasts', wanted);
    const begun = idAfter(response.headers.get('location'), 'forecasts');
    if (!begun) throw new Problem({ status: response.status, code: 'unexpected' });
    return begun;
  },
  /** Releases the answers that have come, and waits for no other; the release. */
  closeQuery: async (id: string): Promise<string> => {
    const response = await send('POST', `queries/${encodeURIComponent(id)}/close`);
    const release = idAfter(response.headers.get('location'), 'releases');
    if (!release) throw new Problem({ status: response.status, code: 'unexpected' });
    return release;
  },
  forecasts: async () => (await read<{ forecasts: ForecastSummary[] }>('forecasts')).forecasts,
  forecast: (id: string, signal?: AbortSignal) => read<ForecastView>(`forecasts/${encodeURIComponent(id)}`, signal),
  cancelForecast: async (id: string): Promise<void> => void (await send('DELETE', `forecasts/${encodeURIComponent(id)}`)),
  forecastFile: (id: string, kind: 'csv' | 'json') => `${BASE}/forecasts/${encodeURIComponent(id)}.${kind}`,
  releaseFile: (id: string, kind: 'csv' | 'json') => `${BASE}/releases/${encodeURIComponent(id)}.${kind}`,
  /** What organisations offer, as their nodes published it. */
  offers: async () => (await read<{ offers: PublishedOffer[] }>('offers')).offers,
  queries: async () => (await read<{ queries: QueryView[] }>('queries')).queries,
  query: (id: string) => read<QueryView>(`queries/${encodeURIComponent(id)}`),
  queryEvents: (id: string) => `${BASE}/queries/${encodeURIComponent(id)}/events`,
  log: async (after: number | null) => (await read<{ entries: LogEntry[] }>(after === null ? 'log' : `log?after=${after}`)).entries,
  preview: async (study: string, query: Query, signal?: AbortSignal): Promise<Preview> =>
    (await (await send('POST', 'queries/preview', { study, query }, {}, signal)).json()) as Preview,
  /** Answers a question from a release, for nothing; the same release each time. */
  derive: async (release: string, study: string, query: Query): Promise<string> => {
    const response = await send('POST', `releases/${encodeURIComponent(release)}/derive`, { study, query });
    const made = idAfter(response.headers.get('location'), 'releases');
    if (!made) throw new Problem({ status: response.status, code: 'unexpected' });
    return made;
  },
  /** Asks. Repeating the call with the same key asks once. Answers where to look: the running query or the stored release. */
  /** `anew`: also where the answer follows from a release, which the reader has seen. */
  ask: async (study: string, query: Query, anew: boolean, idempotencyKey: string): Promise<{ query: string } | { release: string }> => {
    return whereTo(await send('POST', 'queries', { study, query, ask_anew: anew }, { 'Idempotency-Key': idempotencyKey }));
  },
  cubes: async () => (await read<{ cubes: CubeInfo[] }>('cubes')).cubes,
  /** Plans the usual cubes of a study, from January of a year on; asks nothing. */
  planDefaultCubes: async (study: string, year: number): Promise<void> =>
    void (await send('POST', `studies/${encodeURIComponent(study)}/default-cubes`, { first: `${year}-01` })),
  /** Price and accuracy of what is due of a cube, or of months to ask again. */
  previewCube: async (id: string, revise: Months | null, signal?: AbortSignal): Promise<Preview> =>
    (await (await send('POST', `cubes/${encodeURIComponent(id)}/preview`, wanted(revise), {}, signal)).json()) as Preview,
  /** Asks what is due of a cube, or months again; as `ask`. */
  askCube: async (id: string, revise: Months | null, idempotencyKey: string): Promise<{ query: string } | { release: string }> =>
    whereTo(await send('POST', `cubes/${encodeURIComponent(id)}/ask`, wanted(revise), { 'Idempotency-Key': idempotencyKey })),
};
