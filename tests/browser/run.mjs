// Drives the website in headless Chromium as a person would: signs in, asks, watches the nodes, reads map and table, changes
// language, and visits every page in both languages under axe. It knows nothing of a database; it clicks and reads.
//
//   node tests/browser/run.mjs DIR/demo.json [--screenshots DIR]
//
// Prints `N passed, M failed`; the exit code is 1 if anything failed. The variable CHROMIUM names a browser other than /usr/bin/chromium.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findings, watch } from './watch.mjs';

const web = createRequire(new URL('../../coordinator/web/package.json', import.meta.url));
const { chromium } = web('playwright-core');
const { AxeBuilder } = web('@axe-core/playwright');

const LANGUAGES = [
  { id: 'it', name: 'Italiano', ask: 'Chiedi' },
  { id: 'en', name: 'English', ask: 'Ask' },
];
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
const PATIENCE_MS = 180_000;
/** WCAG 2.1, 1.4.10: nothing scrolls sideways at this width. */
const NARROW = { width: 320, height: 800 };
const WIDE = { width: 1366, height: 900 };

const { values, positionals } = parseArgs({ allowPositionals: true, options: { screenshots: { type: 'string' } } });
if (positionals.length !== 1) {
  console.error('usage: node run.mjs DIR/demo.json [--screenshots DIR]');
  process.exit(2);
}
const demo = JSON.parse(readFileSync(positionals[0], 'utf8'));
const origin = new URL(demo.web).origin;
if (values.screenshots) mkdirSync(values.screenshots, { recursive: true });

let passed = 0;
const failures = [];
async function check(name, run) {
  try {
    await run();
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failures.push(name);
    console.log(`FAILED  ${name}\n        ${String(error?.message ?? error).replaceAll('\n', '\n        ')}`);
    await picture(`failed-${failures.length}`).catch(() => {});
  }
}
function expect(fact, message) {
  if (!fact) throw new Error(message);
}

const profile = mkdtempSync(join(tmpdir(), 'wi-browser-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync',
  ],
  viewport: WIDE,
  locale: 'it-IT',
});
context.setDefaultTimeout(PATIENCE_MS);
const page = context.pages()[0] ?? (await context.newPage());
const seen = await watch(context, page, origin);

const byTestId = (id) => page.getByTestId(id);
async function picture(name) {
  if (values.screenshots) await page.screenshot({ path: join(values.screenshots, `${name}.png`), fullPage: true });
}
/** A page is there once its heading is and nothing says it is still loading. */
async function settled() {
  await page.locator('main h1').first().waitFor();
  await page.locator('main .spinner').first().waitFor({ state: 'detached' });
}
async function choose(language) {
  await byTestId('language-switch').getByRole('button', { name: language.name }).click();
  await page.locator(`html[lang="${language.id}"]`).waitFor();
}
async function accessible() {
  const { violations } = await new AxeBuilder({ page }).withTags(AXE_TAGS).setLegacyMode(true).analyze();
  const lines = violations.map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => node.target.join(' ')).slice(0, 3).join(', ')}`);
  expect(lines.length === 0, lines.join('\n'));
}
async function inBothLanguages(name, file) {
  for (const language of LANGUAGES) {
    await check(`${name} in ${language.name}: no axe violation`, async () => {
      await choose(language);
      await settled();
      await accessible();
      await picture(`${file}-${language.id}`);
    });
  }
}

async function signIn() {
  await page.goto(demo.web);
  await byTestId('sign-in-form').waitFor();
  await inBothLanguages('sign-in', 'sign-in');
  await check('an analyst signs in', async () => {
    const { name, password } = demo.logins.analyst;
    await page.locator('#sign-in-name').fill(name);
    await page.locator('#sign-in-password').fill(password);
    await byTestId('sign-in-form').locator('button[type="submit"]').click();
    await byTestId('account').getByText(name).first().waitFor();
    await settled();
  });
}

/** Asks a question that was not asked before, so that nodes have something to do; returns its first month. */
async function ask() {
  let first = '';
  await check('the form previews margin and privacy loss before anything is spent', async () => {
    await page.getByRole('link', { name: LANGUAGES[1].ask, exact: true }).click();
    await byTestId('ask-form').waitFor();
    await page.locator('#ask-area').selectOption('nil');
    await byTestId('preview-margin').waitFor();
    await byTestId('preview-epsilon').waitFor();
  });
  await inBothLanguages('the question form', 'ask');
  await check('an unasked question is sent after a confirmation', async () => {
    const months = await page.locator('#ask-from option').evaluateAll((options) => options.map((option) => option.value));
    const to = '2025-12';
    const from = months.filter((month) => month <= to);
    await page.locator('#ask-to').selectOption(to);
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const month = from[Math.floor(Math.random() * from.length)];
      await page.locator('#ask-from').selectOption(month);
      first = month;
      await page.locator('[data-testid="preview"][aria-busy="false"]').waitFor();
      await page.locator('[data-testid="ask-submit"]:enabled').waitFor();
      if ((await byTestId('already-released').count()) === 0) break;
    }
    await byTestId('ask-submit').click();
    await page.locator('dialog[open]').waitFor();
    await accessible();
    await byTestId('confirm-send').click();
    await byTestId('node-states').waitFor();
  });
  return first;
}

async function watchNodes() {
  await check('every node is shown, and answers while one watches', async () => {
    const nodes = byTestId('node-states').locator('li[data-node]');
    expect((await nodes.count()) > 0, 'no node is shown');
    await picture('asked-collecting');
    await byTestId('open-release').waitFor();
    const states = await nodes.evaluateAll((items) => items.map((item) => item.dataset.state));
    expect(states.every((state) => state === 'answered'), `the nodes ended as ${states.join(', ')}`);
  });
  await inBothLanguages('the progress of a question', 'asked');
  const path = new URL(page.url()).pathname;
  await check('the release opens from the progress page', async () => {
    await byTestId('open-release').click();
    await byTestId('map').locator('path[data-key]').first().waitFor();
    await byTestId('area-table').locator('tbody tr').first().waitFor();
  });
  return path;
}

/** Plans the usual questions where nobody has, and asks what is due of the first. */
async function planned() {
  await check('a planned question shows price and margins of what is due, and is asked', async () => {
    await page.goto(`${origin}/cubes`);
    await page.locator('[data-testid="cube"], [data-testid="plan-defaults"]').first().waitFor();
    if ((await byTestId('plan-defaults').count()) > 0) await byTestId('plan-defaults').first().click();
    const due = byTestId('cube').filter({ has: byTestId('cube-ask') }).first();
    await due.waitFor();
    await due.locator('[data-testid="cube-preview"]').click();
    await due.locator('[data-testid="cube-parts"] tbody tr').first().waitFor();
    await picture('planned');
    await due.locator('[data-testid="cube-ask"]:enabled').click();
    await byTestId('node-states').waitFor();
    await byTestId('open-release').waitFor();
  });
  await check('a release of a planned question says what its bounds cut off, and leads to the other levels', async () => {
    await byTestId('open-release').click();
    await byTestId('truncation').waitFor();
    const text = await byTestId('truncation').innerText();
    expect(text.includes('±'), `it says: ${text}`);
    expect((await byTestId('other-level').count()) > 0, 'no other level is linked');
  });
}

/** Compares the areas of a release, and shows in the address what was chosen; its path. */
async function compared(release) {
  let path = '';
  await check('areas are compared between two numbers, with a place and a verdict each', async () => {
    await page.goto(origin + release);
    await byTestId('compare').locator('summary').first().click();
    const row = byTestId('compare-table').locator('tbody tr').first();
    await row.waitFor();
    const cells = await row.locator('td').allInnerTexts();
    expect(/\d/.test(cells[0]) && /\d.*\d/.test(cells[1]), `the first row says: ${cells.join(' | ')}`);
    await page.locator('#compare-per').selectOption('count');
    await page.locator('.verdict').first().waitFor({ state: 'detached' });
    await page.locator('[data-row] button').first().click();
    await page.locator('.verdict').first().waitFor();
    path = new URL(page.url()).pathname + new URL(page.url()).search;
    expect(path.includes('compare=yes') && path.includes('per=count'), `the address is ${path}`);
  });
  await check('areas of one\'s own are compared as unions', async () => {
    await byTestId('compare').locator('details summary').click();
    await page.locator('#compare-unions').fill('north: 9 10\nsouth: 40 41');
    await byTestId('compare').locator('form button[type="submit"]').click();
    await page.waitForURL(/unions=/);
    await byTestId('compare-table').locator('tbody th', { hasText: 'north' }).waitFor();
    expect((await byTestId('compare-table').locator('tbody tr').count()) === 2, 'there are not two rows');
  });
  return path;
}

/** Forecasts a planned question from what is released; the forecast's path. */
async function forecasted() {
  await check('a forecast is worked out, drawn and explained, with an assumption beside it', async () => {
    await page.goto(`${origin}/forecast`);
    await page.locator('[data-testid="forecast-begin"]:enabled').click();
    await byTestId('forecast-result').waitFor();
    await byTestId('fan').locator('path').first().waitFor();
    const rows = byTestId('forecast-table').locator('tbody tr');
    expect((await rows.count()) === 4, 'the table does not have four periods');
    const before = await rows.nth(0).innerText();
    await page.locator('#adjust-change').fill('50');
    await page.locator('#adjust-reason').fill('a new estate opens');
    await byTestId('forecast-adjustments').locator('button[type="submit"]').click();
    await byTestId('forecast-adjustments').getByText('a new estate opens').waitFor();
    await page.locator('#forecast-area').selectOption({ index: 1 });
    const after = await rows.nth(0).innerText();
    expect(before !== after, 'the assumption changed nothing');
  });
  return new URL(page.url()).pathname;
}

/** A point of the screen that shows an area, with the area's key. */
function pointOnMap() {
  return byTestId('map').evaluate((map) => {
    for (const shape of map.querySelectorAll('path[data-key]')) {
      const box = shape.getBoundingClientRect();
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      if (document.elementFromPoint(x, y) === shape) return { x, y, key: shape.dataset.key };
    }
    return null;
  });
}

async function readRelease() {
  await check('the map shows the 88 NIL, the table also the unknown', async () => {
    const keys = await byTestId('map').locator('path[data-key]').evaluateAll((shapes) => new Set(shapes.map((shape) => shape.dataset.key)).size);
    expect(keys >= 80, `${keys} areas are drawn`);
    const rows = await byTestId('area-table').locator('tbody tr').count();
    expect(rows === 89, `${rows} rows`);
    await byTestId('area-table').locator('tr[data-row="unknown"]').waitFor();
  });
  await check('hovering an area names it and marks its row', async () => {
    await byTestId('map').scrollIntoViewIfNeeded();
    const point = await pointOnMap();
    expect(point, 'no area is under its own centre');
    await page.mouse.move(point.x, point.y);
    await page.locator('.map-tip').waitFor();
    const row = page.locator(`tr[data-row="${point.key}"].is-hovered`);
    await row.waitFor();
    const name = (await row.locator('th').innerText()).trim();
    await byTestId('area-detail').getByRole('heading', { name, exact: true }).waitFor();
    await page.mouse.click(point.x, point.y);
    await page.locator(`tr[data-row="${point.key}"] button[aria-pressed="true"]`).waitFor();
    await picture('explore-selected');
    await page.mouse.move(0, 0);
  });
  await check('the keyboard reaches every area of the table and chooses one', async () => {
    const table = byTestId('area-table');
    await table.locator('tbody button[tabindex="0"]').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    const focused = table.locator('tbody tr:nth-child(3) button:focus');
    await focused.waitFor();
    const name = (await focused.innerText()).trim();
    await page.keyboard.press('Enter');
    await table.locator('tbody tr:nth-child(3) button[aria-pressed="true"]').waitFor();
    await byTestId('area-detail').getByRole('heading', { name, exact: true }).waitFor();
    await page.keyboard.press('End');
    await table.locator('tbody tr:last-child button:focus').waitFor();
  });
  await check('coverage and privacy of the release are stated', async () => {
    await byTestId('coverage').waitFor();
    await byTestId('privacy').waitFor();
  });
  await check('changing the language changes the text and the document, and is remembered', async () => {
    const texts = [];
    for (const language of LANGUAGES) {
      await choose(language);
      texts.push(await page.locator('main h1').first().innerText());
    }
    expect(texts[0] !== texts[1], `both languages say ${texts[0]}`);
    await page.reload();
    await page.locator(`html[lang="${LANGUAGES[1].id}"]`).waitFor();
    await settled();
  });
  return new URL(page.url()).pathname;
}

/** Asks for the whole city what the release just read holds by NIL. */
async function derive(from) {
  await check('an answer that follows from a release is offered before anything is spent, and made at no cost', async () => {
    await page.goto(`${origin}/ask`);
    await byTestId('ask-form').waitFor();
    await page.locator('#ask-area').selectOption('city');
    await page.locator('#ask-to').selectOption('2025-12');
    await page.locator('#ask-from').selectOption(from);
    await byTestId('derivable').waitFor();
    await accessible();
    await picture('ask-derivable');
    await byTestId('derive').click();
    await byTestId('derived').waitFor();
  });
  await check('rates are worked out of a release as intervals', async () => {
    await byTestId('statistics').locator('summary').click();
    await byTestId('statistics-table').locator('tbody tr').first().waitFor();
    await accessible();
    await picture('explore-statistics');
  });
}

async function visit(paths) {
  for (const { name, path, ready } of paths) {
    await page.goto(origin + path);
    await settled();
    if (ready) await page.locator(ready).first().waitFor();
    await inBothLanguages(name, name.replaceAll(' ', '-'));
  }
  await check('an unknown address says so', async () => {
    // Within the site: the address changes without a new document, as it does on a mistyped link.
    await page.evaluate(() => {
      history.pushState(null, '', '/no-such-page');
      dispatchEvent(new PopStateEvent('popstate'));
    });
    await page.locator('.empty-mark').waitFor();
  });
  await inBothLanguages('the page of an unknown address', 'not-found');
}

async function narrow(paths) {
  await page.setViewportSize(NARROW);
  for (const { name, path, ready } of paths) {
    await check(`${name}: nothing scrolls sideways at ${NARROW.width} pixels`, async () => {
      await page.goto(origin + path);
      await settled();
      if (ready) await page.locator(ready).first().waitFor();
      const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
      await picture(`narrow-${name.replaceAll(' ', '-')}`);
      expect(width <= NARROW.width, `the page is ${width} pixels wide`);
    });
  }
  await page.setViewportSize(WIDE);
}

try {
  await signIn();
  const first = await ask();
  const asked = await watchNodes();
  const release = await readRelease();
  await derive(first);
  await planned();
  const comparison = await compared(release);
  const forecast = await forecasted();
  const paths = [
    { name: 'explore', path: '/explore', ready: '[data-testid="map"] path' },
    { name: 'a release', path: release, ready: '[data-testid="map"] path' },
    { name: 'areas compared', path: comparison, ready: '[data-testid="compare-table"] tbody tr' },
    { name: 'overview', path: '/overview', ready: '[data-testid="overview-coverage"]' },
    { name: 'a forecast', path: forecast, ready: '[data-testid="fan"] path' },
    { name: 'ask', path: '/ask', ready: '[data-testid="preview-margin"]' },
    { name: 'a past question', path: asked, ready: '[data-testid="node-states"]' },
    { name: 'planned questions', path: '/cubes', ready: '[data-testid="cube"]' },
    { name: 'nodes', path: '/nodes', ready: '[data-testid="nodes-table"]' },
    { name: 'log of questions', path: '/log', ready: '[data-testid="query-log"]' },
    { name: 'log of entries', path: '/log?view=entries', ready: '[data-testid="entry-log"]' },
  ];
  await visit(paths);
  await narrow(paths);
  await check('signing out leads back to the sign-in page', async () => {
    await page.goto(`${origin}/explore`);
    await byTestId('sign-out').click();
    await byTestId('sign-in-form').waitFor();
  });
} catch (error) {
  await check('the walk through the site came to its end', () => {
    throw error;
  });
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
for (const [name, lines] of findings(seen)) {
  await check(`no ${name}`, () => expect(lines.length === 0, lines.join('\n')));
}
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
