import { describe, expect, it } from 'vitest';
import type { Account, CubeInfo, NodeInfo, QueryView, Study } from './api/types';
import { needsOf, type Seen } from './home';
import type { Alert } from './oversight/types';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const study = { id: 's', title: 'S', valid_from: '2026-01-01T00:00:00Z', valid_to: '2027-01-01T00:00:00Z', participants: ['lambro'], countersigned: ['lambro'] } as unknown as Study;
const node = (state: string): NodeInfo => ({ id: 'lambro', name: 'Lambro', state });
const quiet: Seen = { queries: [], cubes: [], nodes: [node('online')], studies: [study] };
const texts = (role: Account['role'], seen: Seen, organisation?: string) =>
  needsOf({ name: 'x', role, ...(organisation ? { organisation } : {}) }, seen, NOW, (iso) => iso.slice(0, 10)).map(({ text }) => text);

describe('what waits for a reader', () => {
  it('is nothing where all is well', () => {
    for (const role of ['analyst', 'admin'] as const) expect(texts(role, quiet)).toEqual([]);
    for (const role of ['organisation', 'dpo'] as const) expect(texts(role, quiet, 'lambro')).toEqual([]);
  });
  it('is due plans and open questions for an analyst, the urgent first', () => {
    const seen = {
      ...quiet,
      queries: [{ id: 'q', state: 'collecting', asked_at: '2026-05-31T00:00:00Z', nodes: [{ node: 'lambro', state: 'refused' }] }] as unknown as QueryView[],
      cubes: [{ due: {} }, { due: null }] as unknown as CubeInfo[],
    };
    expect(texts('analyst', seen)).toEqual(['due-one', 'collecting-one', 'refused-one']);
  });
  it('is the own node for an organisation and a missing countersignature for its officer', () => {
    expect(texts('organisation', { ...quiet, nodes: [node('offline')] }, 'lambro')).toEqual(['own-offline']);
    expect(texts('organisation', { ...quiet, nodes: [] }, 'lambro')).toEqual(['own-never']);
    expect(texts('dpo', { ...quiet, studies: [{ ...study, countersigned: [] }] }, 'lambro')).toEqual(['countersign']);
  });
  it('is a witness that does not cosign, and nodes that saw another log, for who answers for the log', () => {
    const alert = (code: string, node: string | null, params = {}) => ({ code, node, params }) as unknown as Alert;
    const alerts = [alert('witness-out-of-reach', null, { witness: 'w' }), alert('coordinator-set-back', 'a'), alert('coordinator-set-back', 'a'), alert('node-silent', 'a')];
    expect(texts('admin', { ...quiet, alerts })).toEqual(['witness', 'set-back']);
    expect(texts('dpo', { ...quiet, alerts }, 'lambro')).toEqual(['witness', 'set-back']);
    expect(texts('analyst', { ...quiet, alerts })).toEqual([]);
  });
  it('is a study that ends soon, or that none is in force', () => {
    expect(texts('admin', { ...quiet, studies: [{ ...study, valid_to: '2026-06-20T00:00:00Z' }] })).toEqual(['study-ends']);
    expect(texts('admin', { ...quiet, studies: [] })).toEqual(['no-study']);
  });
});
