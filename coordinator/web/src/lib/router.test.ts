import { expect, test } from 'vitest';
import { href, match, withSearch, type Route } from './router';

test('every page has a path that leads back to it', () => {
  const routes: Route[] = [
    { page: 'explore', release: null },
    { page: 'explore', release: 'r-1/2 è' },
    { page: 'overview' },
    { page: 'forecast', forecast: null },
    { page: 'forecast', forecast: 'f 1' },
    { page: 'ask' },
    { page: 'asked', query: 'q 7' },
    { page: 'nodes' },
    { page: 'log' },
  ];
  for (const route of routes) expect(match(href(route))).toEqual(route);
});

test('the root and trailing slashes are understood', () => {
  expect(match('/')).toEqual({ page: 'home' });
  expect(match('/nodes/')).toEqual({ page: 'nodes' });
  expect(match('/sign-in')).toEqual({ page: 'home' });
});

test('what is not a page is not found', () => {
  expect(match('/ask/1/2')).toEqual({ page: 'not-found' });
  expect(match('/Nodes')).toEqual({ page: 'not-found' });
  expect(match('/explore/%E0%A4%A')).toEqual({ page: 'not-found' });
});

test('empty values leave the search part', () => {
  expect(withSearch('/explore', { area: '15', target: null, period: '' })).toBe('/explore?area=15');
  expect(withSearch('/explore', { area: null })).toBe('/explore');
});
