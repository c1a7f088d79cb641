import { expect, test } from 'vitest';
import type { PublishedOffer } from './api/types';
import { kindsOf, placesOf, placesText, serviceFor, servicesOf } from './offers';

const site = (id: string, nil: number | null) => ({ id, name: `Site ${id}`, address: null, position: null, nil, municipio: null });
const service = (id: string, kind: string | null, sites: string[], capacity: number | null, targets: string[] = []) => ({
  id, name: id, service: kind, targets, served: null, sites, capacity, cost: null, access: null,
});
const offers = [
  { organisation: 'a', sites: [site('1', 9), site('2', null)], services: [service('x', 'day-centre', ['2', '1'], 30, ['elderly-65-plus']), service('y', 'day-centre', ['2'], 5), service('z', 'help-desk', ['1'], null)] },
  { organisation: 'b', sites: [site('1', 9)], services: [service('x', 'day-centre', ['1'], 12), service('w', 'after-school', ['1'], 80, ['minors'])] },
] as unknown as PublishedOffer[];
const services = servicesOf(offers);

test('places are counted once, where they are', () => {
  const found = placesOf(services, 'day-centre');
  expect([...found.byNil]).toEqual([['9', 42]]);
  expect([found.elsewhere, found.total]).toEqual([5, 47]);
  expect(placesText(found)).toBe('9:42');
  expect(placesOf(services, null).total).toBe(127);
});

test('kinds with places are offered, the largest first, and the one for a group is found', () => {
  expect(kindsOf(services)).toEqual(['after-school', 'day-centre']);
  expect(serviceFor('elderly-65-plus', services)).toBe('day-centre');
  expect(serviceFor('nobody', services)).toBeNull();
});
