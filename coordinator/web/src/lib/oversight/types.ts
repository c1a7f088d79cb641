// What the API says to those who answer for the data.
import type { Query } from '../api/types';

export const DECISIONS = ['answered', 'refused', 'declined', 'waiting', 'unanswered', 'reused'] as const;
export type DecisionKind = (typeof DECISIONS)[number];

/** An amount of privacy loss: nano-rho, and epsilon at the delta of the page. */
export interface Loss {
  rho: number;
  epsilon: number;
}

export interface Decision {
  id: string;
  query: string;
  question: Query;
  study: string;
  study_title: string;
  purpose: string;
  requester: string;
  asked_by: string;
  asked_at: string;
  organisation: string | null;
  dataset: string | null;
  edition: number | null;
  decision: DecisionKind;
  rule: string | null;
  field: string | null;
  code: string | null;
  rho: number | null;
  release: string | null;
}
export interface DecisionPage {
  decisions: Decision[];
  next: string | null;
}

/** What whoever receives an answer owes. */
export interface Owed {
  audience: 'requester' | 'participants' | 'public';
  display_minimum: number;
  retention_months: number;
}

export interface Rule {
  id: string;
  effect: 'allow' | 'deny';
  manual: boolean;
  requesters: string[];
  purposes: string[];
  lawful_bases: string[];
  categories: string[];
  measures: string[];
  targets: string[];
  finest_level: string | null;
  max_rho_per_query: number | null;
  valid_from: string | null;
  valid_until: string | null;
  owed: Owed | null;
}

export interface DecisionRecord extends Decision {
  lawful_basis: string;
  special_categories: string[];
  question_hash: string;
  decided_at: string | null;
  explanation: { it: string; en: string } | null;
  policy_hash: string | null;
  policy_is_of_the_decision: boolean;
  policy_is_published: boolean;
  rule_text: Rule | null;
  cost: Loss | null;
  delta: number;
  remaining: { study_limit: Loss; study_left: Loss; lifetime_limit: Loss | null; lifetime_left: Loss | null } | null;
  receipt: {
    mechanism: string;
    slices: { of: string; cells: number; rho: number; sigma: number }[];
    cells_per_unit: number;
    per_cell: number;
    noise_source: string;
    reused: boolean;
    rule: string;
    policy_hash: string;
    charge_index: number;
    owed: Owed | null;
  } | null;
  answer_signature: 'holds' | 'broken' | null;
  node_head: { size: number; note: string } | null;
  entries: { index: number; kind: string; code: string; at: string }[];
}

/** Entries of the coordinator's log with paths to signed heads; see `proof.ts`. */
export interface LogProof {
  log_key: string;
  witness_keys: string[];
  entries: { index: number; header: string; body_hash: string; leaf: string }[];
  heads: { note: string; paths: string[][] }[];
}

export interface StudyRecord {
  id: string;
  title: string;
  purpose: string;
  lawful_basis: string;
  special_categories: string[];
  requester: string;
  requester_name: string;
  requester_signature: 'holds' | 'key-changed';
  state: 'coming' | 'in-force' | 'ended';
  valid_from: string;
  valid_to: string;
  added_at: string;
  measures: string[];
  targets: string[];
  finest_level: string;
  max_per_query: Loss;
  max_total: Loss;
  countersignatures: { organisation: string; name: string; state: 'signed' | 'missing' | 'not-joined' | 'revoked'; signed_at: string | null; spent: Loss }[];
  questions: number;
  first_asked_at: string | null;
  last_asked_at: string | null;
  hash: string;
}

export interface PolicyVersion {
  hash: string;
  replaces: string | null;
  reason: string | null;
  signers: string[];
  signers_needed: number | null;
  follows: boolean;
  signed_at: string;
  received_at: string;
  in_force: boolean;
  readable: boolean;
}
export interface OrganisationPolicies {
  organisation: string;
  name: string;
  in_force: string | null;
  published: boolean;
  versions: PolicyVersion[];
}
export interface Allowed {
  auto: number | null;
  manual: number | null;
}
export interface PolicyChange {
  direction: 'wider' | 'narrower' | 'other';
  requester: string;
  purposes: string[];
  lawful_bases: string[];
  subjects: string[];
  measures: string[];
  levels: string[];
  before: Allowed;
  after: Allowed;
}
export interface PolicyRecord {
  organisation: string;
  name: string;
  version: PolicyVersion;
  document: string;
  rules: Rule[];
  lifetime: number | null;
  threshold: number | null;
  comparison: { before: string; wider: number; narrower: number; other: number; changes: PolicyChange[]; left_out: number; terms: string[] } | null;
  others: string[];
}

export interface BudgetLine {
  key: string;
  spent: Loss;
  cap: Loss | null;
  left: Loss | null;
  exhaustion: 'used-up' | 'at' | 'not-in-period' | 'no-pace' | null;
  exhausted_at: string | null;
}
export interface NodeBudget {
  organisation: string;
  name: string;
  caps_are_known: boolean;
  lifetime: BudgetLine;
  years: BudgetLine[];
  datasets: BudgetLine[];
  purposes: BudgetLine[];
  studies: BudgetLine[];
}
export interface Budgets {
  delta: number;
  nodes: NodeBudget[];
  citywide: { known_to: '1' | '3' | 'all'; organisations: number; spent: Loss; at_caps: Loss | null }[];
}

export interface Alert {
  severity: 'danger' | 'warning' | 'info';
  code: string;
  node: string | null;
  name: string | null;
  at: string;
  count: number;
  params: Record<string, unknown>;
  entry: number | null;
}
export interface Alerts {
  alerts: Alert[];
  alarm_days: number;
  recent_days: number;
}
