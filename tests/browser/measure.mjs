// Measures the website and prints ratios to one static file of the same server, in the same run. It asserts nothing.
//
//   node tests/browser/measure.mjs DIR/demo.json [--seconds S] [--readers N] [--only views|map|readers|shift]...
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { parseArgs } from 'node:util';
import { open } from './harness.mjs';
import { MANY, serveMany } from './many-areas.mjs';
import { PAGES, whatThereIs } from './pages.mjs';
import { processorTime } from './processor.mjs';
import { shifts } from './shift.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string', default: '3' }, readers: { type: 'string', default: '200' }, only: { type: 'string', multiple: true, default: ['views', 'map', 'readers', 'shift'] } } });
const demo = JSON.parse(readFileSync(positionals[0], 'utf8'));
const wanted = (part) => values.only.includes(part);
const ROUNDS = 5;
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const row = (name, ...cells) => console.log(`${name.padEnd(46)}${cells.map((cell) => String(cell).padStart(16)).join('')}`);

const walk = await open(demo);
const { page, context, origin } = walk;
// The page itself notes when what was waited for is first painted: a test that asks whether it is there asks seldom, half a second apart.
await context.addInitScript((waited) => {
  window.wiPainted = {};
  const look = () => {
    for (const selector of waited) {
      if (selector in window.wiPainted || !document.querySelector(selector)?.checkVisibility({ visibilityProperty: true })) continue;
      window.wiPainted[selector] = null;
      requestAnimationFrame(() => setTimeout(() => (window.wiPainted[selector] = performance.timeOrigin + performance.now())));
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['hidden', 'class', 'open'] });
  window.wiShift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.wiShift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
}, PAGES.map(({ ready }) => ready));

/** A cold view of a path: bytes on the wire, milliseconds to first paint and to the content, layout shift. */
async function view(path, ready) {
  const network = await context.newCDPSession(page);
  await network.send('Network.enable');
  await network.send('Network.clearBrowserCache');
  let bytes = 0;
  network.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  const begin = performance.timeOrigin + performance.now();
  await page.goto(origin + path, { waitUntil: 'commit' });
  await page.locator(ready).first().waitFor();
  await page.waitForLoadState('networkidle');
  const { painted, paint, shift } = await page.evaluate((selector) => ({ painted: window.wiPainted[selector] ?? NaN, paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN, shift: window.wiShift }), ready);
  await network.detach();
  return { bytes, there: painted - begin, paint, shift };
}

async function views(name, path, ready) {
  const all = [];
  for (let round = 0; round < ROUNDS; round += 1) all.push(await view(path, ready));
  const file = staticFile.there;
  const there = median(all.map((one) => one.there));
  row(name, `${(median(all.map((one) => one.bytes)) / 1000).toFixed(0)} kB`, `${median(all.map((one) => one.paint)).toFixed(0)} ms`, `${there.toFixed(0)} ms`, `${(there / file).toFixed(1)} x`, median(all.map((one) => one.shift)).toFixed(3));
}

row('first views, cold cache, median of 5', 'bytes', 'first paint', 'content', 'to a static file', 'layout shift');
const statics = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const begin = performance.now();
  await page.goto(`${origin}/favicon.svg`);
  statics.push(performance.now() - begin);
}
const staticFile = { there: median(statics) };
row('a static file (favicon.svg) in the browser', '', '', `${staticFile.there.toFixed(0)} ms`, '1.0 x', '');
if (wanted('views')) await views('sign-in', '/', '[data-testid="sign-in-form"]');
await page.goto(origin);
await walk.signIn('analyst');
const there = await whatThereIs(page);
for (const { name, role, path, ready } of PAGES) {
  if (role !== 'analyst' || !wanted('views')) continue;
  await views(name, typeof path === 'function' ? path(there) : path, ready);
}

/** Milliseconds from a movement of the pointer to the end of the frame that shows it, for each point the pointer is moved to. */
async function frames(points) {
  await page.evaluate(() => {
    window.wiFrames = [];
    window.wiHandler ??= addEventListener('pointermove', (event) => {
      const began = event.timeStamp;
      requestAnimationFrame(() => setTimeout(() => window.wiFrames.push(performance.now() - began)));
    }, { capture: true });
    window.wiHandler = true;
  });
  for (const [x, y] of points) {
    const before = await page.evaluate(() => window.wiFrames.length);
    await page.mouse.move(x, y);
    await page.waitForFunction((count) => window.wiFrames.length > count, before);
  }
  return page.evaluate(() => window.wiFrames);
}

/** Points all over the map, one after another far apart, so that each movement changes the area. */
async function pointsOver(testid) {
  const box = await page.getByTestId(testid).boundingBox();
  return Array.from({ length: 41 }, (_, i) => [box.x + box.width * (0.25 + 0.5 * ((i * 0.618) % 1)), box.y + box.height * (0.25 + 0.5 * ((i * 0.382) % 1))]);
}

/** The map of a release under the pointer: hovering, and choosing an area. */
async function interaction(name) {
  await page.getByTestId('map').locator('path').first().waitFor();
  await page.locator('[data-testid="area-table"] tbody tr').first().waitFor();
  await page.getByTestId('map').evaluate((map) => map.scrollIntoView({ block: 'center', behavior: 'instant' }));
  const points = await pointsOver('map');
  const used = processorTime(walk.profile);
  const moved = (await frames(points)).slice(1);
  const each = (processorTime(walk.profile) - used) / points.length;
  const still = (await frames(points.map((_, i) => [20 + (i % 2), 300 + 4 * i]))).slice(1);
  const clicks = [];
  for (const [x, y] of points.slice(1, 10)) {
    const began = performance.now();
    await page.mouse.click(x, y);
    await page.locator('.detail-value').first().waitFor();
    clicks.push(performance.now() - began);
  }
  row(name, `${median(moved).toFixed(1)} ms`, `${median(still).toFixed(1)} ms`, `${(median(moved) / median(still)).toFixed(2)} x`, `${moved.toSorted((a, b) => a - b)[Math.floor(moved.length * 0.95)].toFixed(1)} ms`, `${median(clicks).toFixed(0)} ms`, `${each.toFixed(0)} ms`);
  return median(moved);
}

// The map: from a movement of the pointer to the frame that shows it.
async function maps() {
  console.log();
  row('map interaction, median of 40', 'to the frame', 'beside the map', 'ratio', '95 of 100', 'click to value', 'processor each');
  // A release with one value an area, so that what is timed is the map and not 6,079 areas times a hundred groups and periods.
  const single = await page.evaluate(async () => {
    const { releases } = await (await fetch('/api/v1/releases')).json();
    return releases.find(({ level, derived_from, query }) => level === 'nil' && !derived_from && Object.values(query.by).filter(Boolean).length === 1)?.id;
  });
  const plain = `/explore/${single ?? there.release}`;
  await page.goto(origin + plain);
  const few = await interaction('88 neighbourhoods');
  const what = await serveMany(page, single ?? there.release);
  const began = performance.now();
  await page.goto(origin + plain);
  await page.getByTestId('map').locator('path').first().waitFor();
  const drawn = performance.now() - began;
  const many = await interaction(`${MANY.toLocaleString('en')} areas (${what})`);
  row('', `${(many / few).toFixed(2)} x of 88`, '', '', '', '', `drawn in ${drawn.toFixed(0)} ms`);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
}
if (wanted('map')) await maps();

// A comparison names one key of each axis that has several, as the page does.
const compared = await page.evaluate(async (release) => {
  const { dimensions } = await (await fetch(`/api/v1/releases/${release}`)).json();
  const several = dimensions.filter(({ name, keys }) => name !== 'area' && keys.length > 1);
  return new URLSearchParams(several.map(({ name, keys }) => [name, keys.at(-1)])).toString();
}, there.release);
const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
await walk.context.close();

/** How many answers so many readers get in a while, each on a connection of their own, asking again at once. */
async function load(path) {
  const readers = Number(values.readers);
  const agent = new Agent({ keepAlive: true, maxSockets: readers });
  const until = performance.now() + 1000 * Number(values.seconds);
  let answers = 0;
  let bytes = 0;
  const times = [];
  const statuses = new Map();
  const once = () =>
    new Promise((resolve) => {
      const begin = performance.now();
      const call = request(origin + path, { agent, headers: { cookie: cookies, 'accept-encoding': 'gzip, br' } }, (response) => {
        response.on('data', (part) => (bytes += part.length));
        response.on('end', () => {
          answers += 1;
          times.push(performance.now() - begin);
          statuses.set(response.statusCode, (statuses.get(response.statusCode) ?? 0) + 1);
          resolve();
        });
      });
      call.on('error', () => {
        statuses.set('error', (statuses.get('error') ?? 0) + 1);
        resolve();
      });
      call.end();
    });
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: readers }, async () => {
      while (performance.now() < until) await once();
    }),
  );
  agent.destroy();
  const rate = (1000 * answers) / (performance.now() - begin);
  return { rate, median: median(times), slowest: times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)], each: bytes / answers, statuses: [...statuses].map(([status, count]) => `${status}: ${count}`).join(', ') };
}

async function manyReaders() {
  console.log();
  row(`${values.readers} readers, ${values.seconds} s each`, 'answers a second', 'ratio', 'median', '99 of 100', 'bytes');
  let base = null;
  for (const [name, path] of [
    ['a static file (favicon.svg)', '/favicon.svg'],
    ['who am I', '/api/v1/session'],
    ['nodes', '/api/v1/nodes'],
    ['studies', '/api/v1/studies'],
    ['all releases', '/api/v1/releases'],
    ['one release by NIL', `/api/v1/releases/${there.release}`],
    ['its comparison', `/api/v1/releases/${there.release}/comparison?${compared}`],
  ]) {
    const found = await load(path);
    base ??= found;
    row(name, found.rate.toFixed(0), `${(found.rate / base.rate).toFixed(2)} x`, `${found.median.toFixed(0)} ms`, `${found.slowest.toFixed(0)} ms`, found.each.toFixed(0));
    if (!/^200: \d+$/.test(found.statuses)) console.log(`  statuses ${found.statuses}`);
  }
}
if (wanted('readers')) await manyReaders();

if (wanted('shift')) {
  console.log();
  row('layout shift, every page as each role', 'window', 'shift');
  const fresh = await open(demo);
  const worst = await shifts({ walk: fresh, demo });
  row('the most', '', worst.toFixed(4));
  await fresh.context.close();
}
process.exit(0);
