// A planner: overview, the explorer with two maps, areas of one's own and exports, a neighbourhood's profile, demand beside offer, and
// forecasts that are kept. Nothing on these pages asks an organisation anything.
import { readFileSync } from 'node:fs';
import { expect } from './harness.mjs';

export async function city(walk) {
  await walk.check('a planner signs in', () => walk.signIn('analyst'));
  const asked = [];
  const watch = (request) => {
    if (request.method() !== 'GET') asked.push(`${request.method()} ${new URL(request.url()).pathname}`);
  };
  walk.page.on('request', watch);
  const explored = await explore(walk);
  const profile = await area(walk);
  const gap = await offer(walk);
  const forecast = await kept(walk);
  const byGroup = await splitByGroup(walk);
  await walk.check('some result is split by group', () => expect(byGroup !== null, 'no release by neighbourhood and group'));
  const paths = [
    { name: 'two maps', path: explored, ready: '[data-testid="map-second"] path' },
    { name: 'a fading palette', path: explored.replace(/second=[^&]*/, 'palette=suppress'), ready: '[data-testid="map"] path' },
    { name: 'a neighbourhood', path: profile, ready: '[data-testid="area-needs"] tbody tr' },
    { name: 'demand and offer', path: gap, ready: '[data-testid="gap-table"] tbody tr' },
    { name: 'overview with gaps', path: `/overview?release=${byGroup}`, ready: '[data-testid="overview-gaps"] .help' },
    { name: 'a kept forecast', path: forecast, ready: '[data-testid="fan"] path' },
  ];
  await walk.visit(paths);
  await walk.narrow(paths);
  await walk.check('addresses open what is stored and ask nobody', () => {
    const beyond = asked.filter((one) => one !== 'POST /api/v1/forecasts');
    expect(beyond.length === 0, `sent: ${beyond.join(', ')}`);
  });
  walk.page.off('request', watch);
  await walk.check('signing out leads back to the sign-in page', () => walk.signOut());
}

/** A release by neighbourhood and group. */
function splitByGroup(walk) {
  return walk.page.evaluate(async () => {
    const { releases } = await (await fetch('/api/v1/releases')).json();
    const split = ({ level, measure, derived_from, query }) => level === 'nil' && measure === 'persons' && !derived_from && (query.by.target ?? []).length > 1;
    return releases.find(split)?.id ?? null;
  });
}

/** What a button hands to the browser to keep. */
async function exported(walk, form) {
  const [download] = await Promise.all([
    walk.page.waitForEvent('download'),
    walk.page.getByTestId('export').first().getByRole('button', { name: form }).click(),
  ]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

async function explore(walk) {
  let path = '';
  await walk.check('values are read between two numbers, and coloured by how sure they are', async () => {
    await walk.goto('/explore');
    await walk.settled();
    const value = walk.byTestId('area-table').locator('tbody tr .value').first();
    await value.filter({ hasText: /\d.*\d/ }).waitFor();
    await walk.page.locator('#palette').selectOption('suppress');
    await walk.page.locator('.legend-tier').first().waitFor();
    expect((await walk.page.locator('.legend-tier').count()) === 4, 'there are not four kinds of certainty');
    await walk.page.locator('#palette').selectOption('hatch');
  });
  await walk.check('a view is exported with intervals, epsilon and the question', async () => {
    const table = (await exported(walk, 'CSV')).bytes.toString('utf8').split('\r\n');
    const columns = table[0].split(',');
    for (const column of ['low', 'high', 'margin_95', 'epsilon', 'delta', 'query', 'release']) expect(columns.includes(column), `no ${column}: ${table[0]}`);
    expect(table.length === 91, `${table.length} lines`);
    const areas = JSON.parse((await exported(walk, 'GeoJSON')).bytes.toString('utf8'));
    expect(areas.features.length === 89 && areas.epsilon > 0 && areas.query, 'no areas, epsilon or query');
    expect(areas.features.filter((feature) => feature.geometry).length === 88, 'not every neighbourhood has its outline');
    const drawing = (await exported(walk, 'SVG')).bytes.toString('utf8');
    expect(drawing.startsWith('<svg') && drawing.includes('Epsilon') && (drawing.match(/<path/g) ?? []).length >= 88, 'the drawing lacks something');
    const picture = (await exported(walk, 'PNG')).bytes;
    expect(picture.subarray(1, 4).toString() === 'PNG' && picture.length > 20_000, `${picture.length} bytes`);
  });
  await walk.check('an area of one\'s own is drawn on the map and compared', async () => {
    await walk.byTestId('own-areas').getByRole('button').first().click();
    const rows = walk.byTestId('area-table').locator('tbody button');
    for (const row of [0, 1, 2]) await rows.nth(row).click();
    await walk.page.locator('#own-name').fill('Prova');
    await walk.byTestId('own-areas').locator('button[type="submit"]').click();
    await walk.page.waitForURL(/unions=Prova/);
    await walk.byTestId('compare-table').locator('tbody th', { hasText: 'Prova' }).waitFor();
    await walk.accessible();
    await walk.picture('own-area');
    await walk.byTestId('own-areas').locator('li button').click();
  });
  await walk.check('two maps stand side by side and point at the same area', async () => {
    // One with an axis to tell the maps apart.
    await walk.goto(`/explore/${await splitByGroup(walk)}`);
    await walk.page.locator('#second').selectOption({ index: 1 });
    await walk.byTestId('map-second').locator('path[data-key]').first().waitFor();
    await walk.byTestId('area-table').locator('tbody button').first().click();
    await walk.page.locator('.map-panel p strong').first().waitFor();
    path = new URL(walk.page.url()).pathname + new URL(walk.page.url()).search;
    expect(path.includes('second='), `the address is ${path}`);
  });
  return path;
}

async function area(walk) {
  await walk.check('a neighbourhood has a profile: facts, needs as intervals and places, its course', async () => {
    await walk.page.locator('.detail a[href^="/area/"]').click();
    await walk.settled();
    await walk.byTestId('area-facts').waitFor();
    const needs = walk.byTestId('area-needs').locator('tbody tr').first();
    await needs.waitFor();
    const cells = await needs.locator('td').allInnerTexts();
    expect(/\d.*\d/.test(cells[0]) && /\d/.test(cells[2]), `it says: ${cells.join(' | ')}`);
  });
  await walk.check('another neighbourhood is chosen by the keyboard', async () => {
    const before = walk.page.url();
    await walk.page.locator('#area-choice').focus();
    await walk.page.keyboard.press('ArrowDown');
    await walk.page.waitForURL((url) => url.href !== before);
    await walk.byTestId('area-needs').locator('tbody tr').first().waitFor();
  });
  return new URL(walk.page.url()).pathname;
}

async function offer(walk) {
  await walk.check('demand less places is mapped and ranked, each between two numbers', async () => {
    await walk.follow('city', '/offer');
    const row = walk.byTestId('gap-table').locator('tbody tr').first();
    await row.waitFor();
    await walk.byTestId('gap-map').locator('path[data-key]').first().waitFor();
    const cells = await row.locator('td').allInnerTexts();
    expect(/\d/.test(cells[0]) && /\d.*\d/.test(cells[1]) && /^\d/.test(cells[2]) && /\d.*\d/.test(cells[3]), `it says: ${cells.join(' | ')}`);
    const table = (await exported(walk, 'CSV')).bytes.toString('utf8');
    expect(table.includes('gap_low,gap_high,rank,rank_best,rank_worst'), table.split('\n')[0]);
    await walk.page.locator('#offer-show').selectOption('rate');
    await walk.page.waitForURL(/show=rate/);
    await row.waitFor();
    await walk.page.locator('#offer-show').selectOption('gap');
  });
  return new URL(walk.page.url()).pathname + new URL(walk.page.url()).search;
}

async function kept(walk) {
  let path = '';
  await walk.check('a forecast with an assumption about one area is kept beside the statistical one', async () => {
    await walk.goto('/forecast');
    await walk.page.locator('[data-testid="forecast-begin"]:enabled').click();
    await walk.byTestId('forecast-result').waitFor();
    await walk.page.locator('#forecast-area').selectOption({ index: 1 });
    await walk.page.locator('#adjust-kind').selectOption('number');
    await walk.page.locator('#adjust-add').fill('25');
    await walk.page.locator('#adjust-reason').fill('a school opens');
    await walk.byTestId('forecast-adjustments').locator('button[type="submit"]').click();
    await walk.byTestId('forecast-baseline').waitFor();
    await walk.byTestId('forecast-adjustments').getByText('a school opens').waitFor();
    path = new URL(walk.page.url()).pathname;
    const drawing = (await exported(walk, 'SVG')).bytes.toString('utf8');
    expect(drawing.includes('<path') && drawing.includes('Epsilon'), 'the drawing lacks something');
    await walk.byTestId('forecast-kept').locator('summary').click();
    await walk.byTestId('forecast-kept').locator(`a[href="${path}"]`).waitFor();
  });
  await walk.check('the assumption is in the log', async () => {
    await walk.goto('/log?view=entries');
    await walk.settled();
    await walk.byTestId('entry-log').getByText(/Ipotesi aggiunta|Assumption added/).first().waitFor();
  });
  return path;
}
