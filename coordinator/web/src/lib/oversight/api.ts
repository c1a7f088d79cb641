// Calls of the pages for those who answer for the data.
import { BASE, read } from '../api/client';
import type { Alerts, Budgets, DecisionPage, DecisionRecord, LogProof, OrganisationPolicies, PolicyRecord, StudyRecord } from './types';

const part = encodeURIComponent;

export const oversight = {
  decisions: (search: Record<string, string>) => read<DecisionPage>(`decisions?${new URLSearchParams(search)}`),
  decision: (id: string) => read<DecisionRecord>(`decisions/${part(id)}`),
  proof: (id: string) => read<LogProof>(`decisions/${part(id)}/proof`),
  studies: async () => (await read<{ studies: StudyRecord[] }>('study-records')).studies,
  policies: async () => (await read<{ organisations: OrganisationPolicies[] }>('policies')).organisations,
  policy: (organisation: string, hash: string, against: string | null) =>
    read<PolicyRecord>(`policies/${part(organisation)}/${part(hash)}${against ? `?against=${part(against)}` : ''}`),
  budgets: () => read<Budgets>('budgets'),
  alerts: () => read<Alerts>('alerts'),
  evidence: `${BASE}/log/evidence`,
};
