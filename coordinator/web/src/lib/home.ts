// What waits for a reader, from what the service says of questions, plans, nodes and studies. Pure: the words are the page's.
import type { Account, CubeInfo, NodeInfo, QueryView, Study } from './api/types';
import type { Word } from './i18n/home';
import type { Alert } from './oversight/types';

/** Something that waits: what it is, what to do next, and where. */
export interface Need {
  text: Word;
  action: Word;
  href: string;
  values: Record<string, string>;
  urgent: boolean;
}
export interface Seen {
  queries: readonly QueryView[];
  cubes: readonly CubeInfo[];
  nodes: readonly NodeInfo[];
  studies: readonly Study[];
  /** Of those who may see them. */
  alerts?: readonly Alert[];
}

const DAY_MS = 86_400_000;
/** A study that ends within so many days is named. */
const SOON_DAYS = 30;
/** Questions asked within so many days are recent. */
const RECENT_DAYS = 30;

const counted = (many: Word, one: Word, count: number) => ({ text: count === 1 ? one : many, values: { n: String(count) } });

function duePlans({ cubes }: Seen): Need[] {
  const due = cubes.filter((cube) => cube.due !== null).length;
  return due === 0 ? [] : [{ ...counted('due', 'due-one', due), action: 'due-action', href: '/cubes', urgent: true }];
}

function collecting({ queries }: Seen): Need[] {
  const open = queries.filter(({ state }) => state === 'signing' || state === 'collecting');
  const [only] = open;
  return only ? [{ ...counted('collecting', 'collecting-one', open.length), action: 'collecting-action', href: open.length === 1 ? `/ask/${encodeURIComponent(only.id)}` : '/log', urgent: false }] : [];
}

function nodesAway({ nodes }: Seen): Need[] {
  const away = nodes.filter(({ state }) => state !== 'online').length;
  return away === 0 ? [] : [{ ...counted('offline', 'offline-one', away), action: 'offline-action', href: '/nodes', urgent: true }];
}

/** What stands in the way of the log's being cosigned. */
function uncosigned({ alerts = [] }: Seen): Need[] {
  const here = { action: 'alerts-action', href: '/alerts', urgent: true } as const;
  const witnesses = alerts
    .filter(({ code }) => code === 'witness-out-of-reach' || code === 'witness-refuses')
    .map(({ params }): Need => ({ ...here, text: 'witness', values: { name: String(params['witness']) } }));
  const behind = new Set(alerts.filter(({ code }) => code === 'coordinator-set-back').map(({ node }) => node)).size;
  return behind === 0 ? witnesses : [...witnesses, { ...here, text: 'set-back', values: { n: String(behind) } }];
}

function ownNode({ nodes }: Seen): Need[] {
  const own = nodes[0];
  if (own?.state === 'online') return [];
  return [{ text: own && own.state !== 'never' ? 'own-offline' : 'own-never', action: 'own-action', href: '/nodes', values: {}, urgent: true }];
}

function studies(seen: Seen, account: Account, now: number, date: (iso: string) => string): Need[] {
  const inForce = seen.studies.filter((study) => Date.parse(study.valid_from) <= now && now < Date.parse(study.valid_to));
  const none: Need[] = inForce.length === 0 ? [{ text: 'no-study', action: 'no-study-action', href: '/studies', values: {}, urgent: true }] : [];
  const unsigned = inForce
    .filter((study) => account.role !== 'analyst' && account.organisation !== undefined && study.participants?.includes(account.organisation) && !study.countersigned.includes(account.organisation))
    .map((study): Need => ({ text: 'countersign', action: 'countersign-action', href: '/studies', values: { title: study.title }, urgent: true }));
  const ending = inForce
    .filter((study) => Date.parse(study.valid_to) - now < SOON_DAYS * DAY_MS)
    .map((study): Need => ({ text: 'study-ends', action: 'study-ends-action', href: '/studies', values: { title: study.title, date: date(study.valid_to) }, urgent: false }));
  return [...none, ...unsigned, ...ending];
}

function refused({ queries }: Seen, now: number): Need[] {
  const recent = queries.filter((query) => now - Date.parse(query.asked_at) < RECENT_DAYS * DAY_MS && query.nodes.some(({ state }) => state === 'refused')).length;
  return recent === 0 ? [] : [{ ...counted('refused', 'refused-one', recent), action: 'refused-action', href: '/decisions?decision=refused', urgent: false }];
}

/** What waits for this reader, the urgent first. */
export function needsOf(account: Account, seen: Seen, now: number, date: (iso: string) => string): Need[] {
  const all = {
    analyst: () => [...duePlans(seen), ...nodesAway(seen), ...collecting(seen), ...studies(seen, account, now, date), ...refused(seen, now)],
    organisation: () => [...ownNode(seen), ...studies(seen, account, now, date), ...refused(seen, now)],
    dpo: () => [...uncosigned(seen), ...studies(seen, account, now, date), ...ownNode(seen), ...refused(seen, now)],
    admin: () => [...uncosigned(seen), ...nodesAway(seen), ...studies(seen, account, now, date), ...refused(seen, now)],
  }[account.role]();
  return all.toSorted((a, b) => Number(b.urgent) - Number(a.urgent));
}

/** Where each role goes on from. */
/** A way has a name and a line about it. */
type Way = { text: Extract<Word, `about-${string}`> extends `about-${infer Name}` ? Name : never; href: string };
export const WAYS: Record<Account['role'], readonly Way[]> = {
  analyst: [
    { text: 'overview', href: '/overview' },
    { text: 'explore', href: '/explore' },
    { text: 'ask', href: '/ask' },
    { text: 'plan', href: '/cubes' },
    { text: 'forecast', href: '/forecast' },
    { text: 'simulate', href: '/simulate' },
    { text: 'optimise', href: '/optimise' },
  ],
  organisation: [
    { text: 'log', href: '/log' },
    { text: 'decisions', href: '/decisions' },
    { text: 'budgets', href: '/budgets' },
    { text: 'overview', href: '/overview' },
    { text: 'explore', href: '/explore' },
    { text: 'protection', href: '/protection' },
  ],
  dpo: [
    { text: 'decisions', href: '/decisions' },
    { text: 'studies', href: '/studies' },
    { text: 'policies', href: '/policies' },
    { text: 'budgets', href: '/budgets' },
    { text: 'alerts', href: '/alerts' },
    { text: 'evidence', href: '/api/v1/log/evidence' },
    { text: 'protection', href: '/protection' },
  ],
  admin: [
    { text: 'nodes', href: '/nodes' },
    { text: 'decisions', href: '/decisions' },
    { text: 'log', href: '/log' },
    { text: 'alerts', href: '/alerts' },
    { text: 'evidence', href: '/api/v1/log/evidence' },
    { text: 'overview', href: '/overview' },
    { text: 'api', href: '/api-docs' },
  ],
};
