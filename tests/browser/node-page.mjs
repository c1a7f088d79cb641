// The node's own page in headless Chromium, as its operator uses it: comes in by the one-time link, looks at every page in both
// languages, wide and narrow, under axe, and refuses a request that waits.
//
//   node tests/browser/node-page.mjs FILE [--screenshots DIR]
//
// FILE is JSON: `link`, good once, and `key`, the text of the officer's key. Prints `N passed, M failed`.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const web = createRequire(new URL('../../coordinator/web/package.json', import.meta.url));
const { chromium } = web('playwright-core');
const { AxeBuilder } = web('@axe-core/playwright');

const PAGES = ['/', '/approvals', '/questions', '/budget', '/register', '/targets', '/objections', '/log'];
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const WIDTHS = [1360, 390, 320];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { screenshots: { type: 'string' } } });
const { link, key } = JSON.parse(readFileSync(positionals[0], 'utf8'));
const origin = new URL(link).origin;
if (values.screenshots) mkdirSync(values.screenshots, { recursive: true });

let passed = 0;
let failed = 0;
async function check(name, run) {
  try {
    await run();
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${String(error?.message ?? error).replaceAll('\n', '\n        ')}`);
  }
}
function expect(fact, message) {
  if (!fact) throw new Error(message);
}

/** A machine that does other things too is slow, and nothing here is wrong with that. */
const PATIENCE_MS = 180_000;
const browser = await chromium.launch({
  timeout: PATIENCE_MS,
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const context = await browser.newContext();
context.setDefaultTimeout(PATIENCE_MS);
const page = await context.newPage();
const faults = [];
page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
page.on('request', (request) => new URL(request.url()).origin !== origin && faults.push(`asked ${request.url()}`));

async function look(name) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const overflow = await page.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth);
    expect(overflow <= 0, `${name} scrolls sideways by ${overflow} px at ${width} px`);
    if (values.screenshots && width !== 320) {
      await page.screenshot({ path: `${values.screenshots}/node-${name.replaceAll('/', '-')}-${width}.png`, fullPage: true });
    }
  }
  const { violations } = await new AxeBuilder({ page }).withTags(AXE_TAGS).setLegacyMode(true).analyze();
  expect(violations.length === 0, violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(', ')}`).join('\n'));
}

await check('the link lets in', async () => {
  await page.goto(link);
  expect(new URL(page.url()).pathname === '/', page.url());
});
for (const [language, other] of [['it', 'English'], ['en', 'Italiano']]) {
  for (const path of PAGES) {
    await check(`${language} ${path}`, async () => {
      await page.goto(origin + path);
      expect((await page.locator('html').getAttribute('lang')) === language, 'another language');
      await look(`${language}${path}`);
    });
  }
  await check(`${language}: the language changes on the page one is on`, async () => {
    await page.getByRole('button', { name: other }).click();
    expect(new URL(page.url()).pathname === '/log', page.url());
  });
}
await check('a request is refused with the officer\'s key', async () => {
  await page.getByRole('link', { name: 'Approvazioni' }).click();
  await page.getByRole('link', { name: 'Leggi e decidi' }).click();
  await look('it/approval');
  await page.getByRole('link', { name: 'Rifiuta…' }).click();
  await look('it/refuse');
  await page.getByLabel('Motivo').fill('troppo costosa per ciò che dice');
  await page.getByLabel('Chiave del responsabile').fill(key.replaceAll('\n', ''));
  await page.getByRole('button', { name: 'Firma e rifiuta' }).click();
  await page.getByText('rifiutata').first().waitFor();
});
await check('nothing was asked of another origin, and nothing failed', async () => {
  expect(faults.length === 0, faults.join('\n'));
});
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
