import { afterEach, expect, test, vi } from 'vitest';
import { api, asProblem, Problem, whenSignedOut } from './client';
import type { Query } from './types';

const query: Query = { version: 1, measure: 'persons', by: { area: 'nil' }, period: { from: '2025-01', to: '2025-12' }, bounds: { cells: 1, per_cell: 1 }, rho: 1 };
const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => {
  const fetched = vi.fn(async (_url: string, _init: RequestInit) => new Response(JSON.stringify(body), { status, headers }));
  vi.stubGlobal('fetch', fetched);
  return fetched;
};
afterEach(() => vi.unstubAllGlobals());

test('asking leads to the running query, with the key that makes repeating safe', async () => {
  const fetched = answer(202, {}, { location: '/api/v1/queries/q-1' });
  expect(await api.ask('s', query, false, 'key-1')).toEqual({ query: 'q-1' });
  expect(fetched.mock.calls[0]?.[0]).toBe('/api/v1/queries');
  expect(JSON.parse(fetched.mock.calls[0]?.[1].body as string)).toEqual({ study: 's', query, ask_anew: false });
  expect((fetched.mock.calls[0]?.[1].headers as Record<string, string>)['Idempotency-Key']).toBe('key-1');
});

test('asking what is already released leads to the release', async () => {
  answer(200, {}, { location: '/api/v1/releases/r-9' });
  expect(await api.ask('s', query, true, 'k')).toEqual({ release: 'r-9' });
});

test('a refusal keeps its code, parameters and place', async () => {
  answer(422, { code: 'level-too-fine', params: { target: 'x' }, path: '$.by.target[0]', status: 422 });
  const problem = await api.preview('s', query).catch(asProblem);
  expect(problem).toMatchObject({ status: 422, code: 'level-too-fine', params: { target: 'x' }, path: '$.by.target[0]' });
});

test('an answer that is no problem document still has a code', async () => {
  vi.stubGlobal('fetch', async () => new Response('<html>', { status: 502 }));
  expect(await api.nodes().catch(asProblem)).toMatchObject({ code: 'http-502' });
});

test('a service that cannot be reached is said to be so', async () => {
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('failed');
  });
  expect(await api.nodes().catch(asProblem)).toMatchObject({ code: 'unreachable' });
});

test('the end of a session is noticed anywhere but at sign-in', async () => {
  const left = vi.fn(async () => false);
  whenSignedOut(left);
  answer(401, { code: 'unauthenticated' });
  await expect(api.session()).rejects.toBeInstanceOf(Problem);
  expect(left).not.toHaveBeenCalled();
  await expect(api.nodes()).rejects.toBeInstanceOf(Problem);
  expect(left).toHaveBeenCalledOnce();
});

test('what came after the end of a session is sent again once the same reader is back, and refused otherwise', async () => {
  let isSignedIn = false;
  const fetched = vi.fn(async () => (isSignedIn ? new Response(null, { status: 202, headers: { location: '/api/v1/queries/q-1' } }) : new Response('{"code":"unauthenticated"}', { status: 401 })));
  vi.stubGlobal('fetch', fetched);
  whenSignedOut(async () => (isSignedIn = true));
  expect(await api.ask('s', query, false, 'key-1')).toEqual({ query: 'q-1' });
  expect(fetched).toHaveBeenCalledTimes(2);
  isSignedIn = false;
  whenSignedOut(async () => false);
  expect(await api.ask('s', query, false, 'key-1').catch(asProblem)).toMatchObject({ status: 401, code: 'unauthenticated' });
});

test('what was called off while its reader was away is not sent again', async () => {
  const fetched = answer(401, { code: 'unauthenticated' });
  const off = new AbortController();
  whenSignedOut(async () => {
    off.abort();
    return true;
  });
  await expect(api.preview('s', query, off.signal)).rejects.toMatchObject({ name: 'AbortError' });
  expect(fetched).toHaveBeenCalledOnce();
});
