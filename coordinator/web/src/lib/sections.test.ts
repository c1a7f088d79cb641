import { expect, test } from 'vitest';
import { SECTIONS, sectionOf, sectionsFor, type Section } from './sections';

test('a page stands in one section only', () => {
  const pages = SECTIONS.flatMap((section) => section.links.flatMap((link) => link.pages));
  expect(new Set(pages).size).toBe(pages.length);
});

test('the section of a page is found, and of a page of no section none', () => {
  expect(sectionOf('asked', SECTIONS)?.id).toBe('questions');
  expect(sectionOf('not-found', SECTIONS)).toBeNull();
});

test('links of other roles are left out, and so are sections left empty', () => {
  const sections: Section[] = [
    { id: 'a', key: 'nav.log', links: [{ key: 'nav.log', route: { page: 'log' }, pages: ['log'], roles: ['dpo'] }] },
    { id: 'b', key: 'nav.nodes', links: [{ key: 'nav.nodes', route: { page: 'nodes' }, pages: ['nodes'] }] },
  ];
  expect(sectionsFor('analyst', sections).map((section) => section.id)).toEqual(['b']);
  expect(sectionsFor('dpo', sections)).toHaveLength(2);
});
