// Writes a picture of every page at three widths, in one language. It asserts nothing but that each page comes, and that nothing scrolls
// sideways.
//
//   node tests/browser/screenshots.mjs DIR/demo.json OUT [--language it|en] [--only NAME]... [--width PIXELS]...
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { expect, LANGUAGES, open } from './harness.mjs';
import { PAGES, unlisted, whatThereIs } from './pages.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { language: { type: 'string', default: 'en' }, only: { type: 'string', multiple: true }, width: { type: 'string', multiple: true, default: ['1360', '768', '390'] } } });
const WIDTHS = values.width.map(Number);
const [description, out] = positionals;
if (!description || !out) {
  console.error('usage: node screenshots.mjs DIR/demo.json OUT [--language it|en] [--only NAME]... [--width PIXELS]...');
  process.exit(2);
}
const demo = JSON.parse(readFileSync(description, 'utf8'));
const walk = await open(demo, out);
const language = LANGUAGES.find(({ id }) => id === values.language);

let signedIn;
let there = {};
async function become(role) {
  if (role === signedIn) return true;
  if (role && !demo.logins[role]) return false;
  await walk.page.setViewportSize({ width: WIDTHS[0], height: 900 });
  await walk.context.clearCookies();
  await walk.goto('/');
  await walk.choose(language);
  if (role) {
    await walk.signIn(role);
    there = await whatThereIs(walk.page);
    if (role === 'analyst') there = await withResults();
    const missing = await unlisted(walk.page);
    for (const path of missing) if (!extra.some((one) => one.path === path)) extra.push({ name: path.slice(1).replaceAll('/', '-'), role, path, ready: 'main h1' });
  }
  signedIn = role;
  return true;
}

/** What there is, with a plan and a forecast: a new demonstration has neither. */
async function withResults() {
  if (!there.plan) {
    await walk.goto('/optimise');
    await walk.page.locator('[data-testid="plan-begin"]:enabled').click();
    await walk.byTestId('plan-result').waitFor();
  }
  if (!there.forecast) {
    await walk.goto('/forecast');
    await walk.page.locator('[data-testid="forecast-begin"]:enabled').click();
    await walk.byTestId('forecast-result').waitFor();
  }
  return whatThereIs(walk.page);
}

const extra = [];
async function pictures(pages) {
  for (const { name, role, path, ready } of pages) {
    if (values.only && !values.only.includes(name)) continue;
    await walk.check(name, async () => {
      // A demonstration made before there was an account of this role has none.
      if (!(await become(role))) return;
      for (const width of WIDTHS) {
        await walk.page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
        await walk.goto(typeof path === 'function' ? path(there) : path);
        await walk.settled();
        await walk.page.locator(ready).first().waitFor();
        await walk.picture(`${name}-${width}`);
        const wide = await walk.page.evaluate(() => document.scrollingElement.scrollWidth);
        expect(wide <= width, `at ${width} pixels the page is ${wide} wide`);
      }
    });
  }
}
await pictures(PAGES);
await pictures(extra);
process.exit((await walk.close()) ? 0 : 1);
