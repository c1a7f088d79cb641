// Every page of the website, with who opens it and what shows that its content has come: one list for pictures and measurements.
// A path is text, or a function of what there is (ids of releases, questions, forecasts).

export const PAGES = [
  { name: 'sign-in', role: null, path: '/', ready: '[data-testid="sign-in-form"]' },
  { name: 'protection', role: null, path: '/protection', ready: '[data-testid="protection-numbers"] table' },
  { name: 'glossary', role: null, path: '/glossary', ready: '[data-testid="glossary"]' },
  { name: 'accessibility', role: null, path: '/accessibility', ready: '[data-testid="accessibility"]' },
  { name: 'api-docs', role: null, path: '/api-docs', ready: '[data-testid="api-resource"]' },
  { name: 'home-analyst', role: 'analyst', path: '/', ready: '[data-testid="home-latest"] li' },
  { name: 'overview', role: 'analyst', path: '/overview', ready: '[data-testid="overview-coverage"]' },
  { name: 'explore', role: 'analyst', path: '/explore', ready: '[data-testid="map"] path' },
  { name: 'compare', role: 'analyst', path: ({ release }) => `/explore/${release}?compare=yes&per=count`, ready: '[data-testid="compare-table"] tbody tr' },
  { name: 'forecast', role: 'analyst', path: '/forecast', ready: '[data-testid="forecast-begin"]' },
  { name: 'ask', role: 'analyst', path: '/ask', ready: '[data-testid="preview-margin"]' },
  { name: 'asked', role: 'analyst', path: ({ query }) => `/ask/${query}`, ready: '[data-testid="node-states"]' },
  { name: 'planned', role: 'analyst', path: '/cubes', ready: '[data-testid="cube"]' },
  { name: 'nodes', role: 'analyst', path: '/nodes', ready: '[data-testid="nodes-table"]' },
  { name: 'log', role: 'analyst', path: '/log', ready: '[data-testid="query-log"]' },
  { name: 'log-entries', role: 'analyst', path: '/log?view=entries', ready: '[data-testid="entry-log"]' },
  { name: 'offer', role: 'analyst', path: '/offer', ready: '[data-testid="gap-table"], [data-testid="no-offers"]' },
  { name: 'area', role: 'analyst', path: '/area/9', ready: '[data-testid="area-facts"]' },
  { name: 'simulate', role: 'analyst', path: '/simulate', ready: '[data-testid="change-table"] tbody tr' },
  { name: 'optimise', role: 'analyst', path: '/optimise', ready: '[data-testid="plan-begin"]' },
  { name: 'reports', role: 'analyst', path: '/reports', ready: '[data-testid="saved-views"], [data-testid="no-views"]' },
  { name: 'decisions', role: 'analyst', path: '/decisions', ready: '[data-testid="decisions"] tbody tr' },
  { name: 'studies', role: 'analyst', path: '/studies', ready: '[data-testid="study"]' },
  { name: 'not-found', role: 'analyst', path: '/no-such-page', ready: '.empty-mark' },
  { name: 'optimise-result', role: 'analyst', path: ({ plan }) => (plan ? `/optimise/${plan}` : '/optimise'), ready: '[data-testid="plan-result"], [data-testid="plan-begin"]' },
  { name: 'forecast-result', role: 'analyst', path: ({ forecast }) => (forecast ? `/forecast/${forecast}` : '/forecast'), ready: '[data-testid="forecast-result"], [data-testid="forecast-begin"]' },
  { name: 'home-organisation', role: 'organisation', path: '/', ready: '[data-testid="home-latest"]' },
  { name: 'home-dpo', role: 'dpo', path: '/', ready: '[data-testid="home-latest"]' },
  { name: 'policies', role: 'dpo', path: '/policies', ready: '[data-testid="policies"] table' },
  { name: 'budgets', role: 'dpo', path: '/budgets', ready: '[data-testid="budget"]' },
  { name: 'decision', role: 'dpo', path: ({ decision }) => (decision ? `/decisions/${decision}` : '/decisions'), ready: '[data-testid="proof-holds"], [data-testid="decisions"]' },
  { name: 'alerts', role: 'dpo', path: '/alerts', ready: '[data-testid="alerts"], [data-testid="alerts-empty"]' },
  { name: 'home-admin', role: 'admin', path: '/', ready: '[data-testid="home-latest"] li' },
  { name: 'nodes-admin', role: 'admin', path: '/nodes', ready: '[data-testid="nodes-table"]' },
  { name: 'simulate-admin', role: 'admin', path: '/simulate', ready: 'main .notice' },
];

/** Pages of the site's own navigation that the list does not name, so that a new page is not forgotten. */
export async function unlisted(page) {
  const linked = new Set();
  for (const section of await page.locator('.sections a').evaluateAll((links) => links.map((link) => link.getAttribute('href')))) {
    await page.locator(`.sections a[href="${section}"]`).click();
    await page.locator('.pages a').first().waitFor();
    for (const path of await page.locator('.pages a').evaluateAll((links) => links.map((link) => link.getAttribute('href')))) linked.add(path);
  }
  const listed = new Set(PAGES.map(({ path }) => path).filter((path) => typeof path === 'string'));
  return [...linked].filter((path) => !listed.has(path));
}

/** Identifiers of a release by NIL and of a question, read by the signed-in page. */
export async function whatThereIs(page) {
  return page.evaluate(async () => {
    const read = async (path) => (await fetch(path)).json();
    const { releases } = await read('/api/v1/releases');
    const { queries } = await read('/api/v1/queries');
    const { plans } = await read('/api/v1/plans');
    const { forecasts } = await read('/api/v1/forecasts');
    const { decisions } = await read('/api/v1/decisions');
    return {
      plan: plans?.find(({ status }) => status === 'optimal' || status === 'feasible')?.id,
      forecast: forecasts?.find(({ state }) => state === 'done')?.id,
      decision: decisions?.[0]?.id,
      release: releases.find(({ level, derived_from }) => level === 'nil' && !derived_from)?.id,
      query: queries.find(({ nodes }) => nodes.length > 0)?.id,
    };
  });
}
