import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { verify } from './proof';
import type { LogProof } from './types';

interface Vectors {
  request: string;
  query: string;
  vectors: { name: string; finding: string | null; proof: LogProof }[];
}

// Written and judged by coordinator/tests/proof_vectors.rs.
const { request, query, vectors } = JSON.parse(readFileSync(new URL('../../../../tests/fixtures/log-proof.json', import.meta.url), 'utf8')) as Vectors;
const good = vectors.find(({ finding }) => finding === null)?.proof as LogProof;

afterEach(() => vi.restoreAllMocks());

describe('the vectors of the coordinator', () => {
  test.each(vectors)('$name', async ({ finding, proof }) => {
    expect((await verify(proof, request, query)).finding).toBe(finding);
  });
});

test('the heads are those signed, with the nodes that cosigned', async () => {
  const { heads, signatures } = await verify(good, request, query);
  expect(signatures).toBe(true);
  expect(heads.map(({ size }) => size)).toEqual([21, 19]);
  expect(heads[0]?.witnesses).toEqual([]);
  expect(heads[1]?.witnesses).toEqual([{ name: 'welfare-intelligence/node/cooperativa-lambro', at: 1_790_000_100 }]);
});

test('a proof for one decision is none for another', async () => {
  expect((await verify(good, '0'.repeat(32), query)).finding).toBe('other-entry');
  expect((await verify(good, request, '0'.repeat(32))).finding).toBe('other-entry');
});

test('a browser without Ed25519 says so, and still checks leaves and paths', async () => {
  vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(new DOMException('', 'NotSupportedError'));
  const verdict = await verify(good, request, query);
  expect(verdict).toMatchObject({ finding: null, signatures: false });
  expect(verdict.heads[1]?.witnesses).toEqual([]);
  const path = vectors.find(({ name }) => name === 'a hash of a path')?.proof as LogProof;
  expect((await verify(path, request, query)).finding).toBe('inclusion');
});
