import { afterEach, expect, test, vi } from 'vitest';
import type { Query } from './types';
import { api, Problem } from './client';
import { isDerived } from './follow';

afterEach(() => vi.unstubAllGlobals());

const query: Query = { version: 1, measure: 'persons', by: { area: 'city' }, period: { from: '2025-01', to: '2025-03' }, bounds: { cells: 1, per_cell: 1 }, rho: 1 };

test('deriving posts the question to the release and opens what it made', async () => {
  const sent: { path: string; body: unknown }[] = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    sent.push({ path, body: JSON.parse(String(init.body)) });
    return new Response(null, { status: 200, headers: { location: '/api/v1/releases/r2' } });
  });
  expect(await api.derive('r 1', 'study', query)).toBe('r2');
  expect(sent).toEqual([{ path: '/api/v1/releases/r%201/derive', body: { study: 'study', query } }]);
});

test('what does not follow is a problem that names the field', async () => {
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ code: 'not-derivable', path: '$.by.area' }), { status: 409 }));
  const refused = await api.derive('r', 'study', query).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Problem);
  expect(refused).toMatchObject({ status: 409, code: 'not-derivable', path: '$.by.area' });
});

test('a question that was never open was derived', () => {
  expect(isDerived({ asked_at: '2026-01-01T10:00:00Z', expires_at: '2026-01-01T10:00:00Z' })).toBe(true);
  expect(isDerived({ asked_at: '2026-01-01T10:00:00Z', expires_at: '2026-01-02T10:00:00Z' })).toBe(false);
});
