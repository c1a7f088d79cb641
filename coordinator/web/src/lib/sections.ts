// The sections of the website, each a short row of pages. Pure: which section is current follows from the route alone.
import type { Role } from './api/types';
import type { Key } from './i18n/catalogue';
import type { Route } from './router';

export type PageLink = {
  key: Key;
  route: Route;
  /** The pages this link stands for: itself and those reached from it. */
  pages: readonly Route['page'][];
  /** Who sees the link; everyone where absent. The server decides again. */
  roles?: readonly Role[];
};
export type Section = { id: string; key: Key; links: readonly PageLink[] };

export const SECTIONS: readonly Section[] = [
  {
    id: 'city',
    key: 'section.city',
    links: [
      { key: 'nav.overview', route: { page: 'overview' }, pages: ['overview'] },
      { key: 'nav.explore', route: { page: 'explore', release: null }, pages: ['explore', 'area'] },
      { key: 'nav.offer', route: { page: 'offer' }, pages: ['offer'] },
      { key: 'nav.forecast', route: { page: 'forecast', forecast: null }, pages: ['forecast'] },
    ],
  },
  {
    id: 'plans',
    key: 'section.plans',
    links: [
      { key: 'nav.simulate', route: { page: 'simulate', scenario: null }, pages: ['simulate'] },
      { key: 'nav.optimise', route: { page: 'optimise', plan: null }, pages: ['optimise'] },
      { key: 'nav.reports', route: { page: 'reports' }, pages: ['reports'] },
    ],
  },
  {
    id: 'questions',
    key: 'section.questions',
    links: [
      { key: 'nav.ask', route: { page: 'ask' }, pages: ['ask', 'asked'] },
      { key: 'nav.cubes', route: { page: 'cubes' }, pages: ['cubes'] },
    ],
  },
  {
    id: 'accounts',
    key: 'section.accounts',
    links: [
      { key: 'nav.decisions', route: { page: 'decisions' }, pages: ['decisions', 'decision'] },
      { key: 'nav.studies', route: { page: 'studies' }, pages: ['studies'] },
      { key: 'nav.policies', route: { page: 'policies' }, pages: ['policies', 'policy'], roles: ['dpo', 'organisation', 'admin'] },
      { key: 'nav.budgets', route: { page: 'budgets' }, pages: ['budgets'], roles: ['dpo', 'organisation', 'admin'] },
      { key: 'nav.alerts', route: { page: 'alerts' }, pages: ['alerts'], roles: ['dpo', 'organisation', 'admin'] },
      { key: 'nav.log', route: { page: 'log' }, pages: ['log'] },
      { key: 'nav.nodes', route: { page: 'nodes' }, pages: ['nodes'] },
    ],
  },
  {
    id: 'help',
    key: 'section.help',
    links: [
      { key: 'nav.protection', route: { page: 'protection' }, pages: ['protection'] },
      { key: 'nav.glossary', route: { page: 'glossary' }, pages: ['glossary'] },
      { key: 'nav.api', route: { page: 'api-docs' }, pages: ['api-docs'] },
      { key: 'nav.accessibility', route: { page: 'accessibility' }, pages: ['accessibility'] },
    ],
  },
];

/** The sections as a role sees them: links of others left out, and a section without links too. */
export function sectionsFor(role: Role, sections: readonly Section[] = SECTIONS): Section[] {
  return sections
    .map((section) => ({ ...section, links: section.links.filter((link) => !link.roles || link.roles.includes(role)) }))
    .filter((section) => section.links.length > 0);
}

/** The section a page belongs to. */
export function sectionOf(page: Route['page'], sections: readonly Section[]): Section | null {
  return sections.find((section) => section.links.some((link) => link.pages.includes(page))) ?? null;
}
