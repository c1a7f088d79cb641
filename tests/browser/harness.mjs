// A browser that walks the website: Chromium, what is checked on every page, and counts of what passed. The walks themselves, one
// file a role or area, know only this.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findings, watch } from './watch.mjs';

const web = createRequire(new URL('../../coordinator/web/package.json', import.meta.url));
const { chromium } = web('playwright-core');
const { AxeBuilder } = web('@axe-core/playwright');

export const LANGUAGES = [
  { id: 'it', name: 'Italiano' },
  { id: 'en', name: 'English' },
];
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const PATIENCE_MS = 180_000;
/** WCAG 2.1, 1.4.10: nothing scrolls sideways at this width. */
const NARROW = { width: 320, height: 800 };
const WIDE = { width: 1366, height: 900 };

export function expect(fact, message) {
  if (!fact) throw new Error(message);
}

/**
 * Opens a browser on a running system (`demo.web`, `demo.logins`); pictures go to the folder `screenshots`, if there is one.
 */
export async function open(demo, screenshots) {
  const origin = new URL(demo.web).origin;
  if (screenshots) mkdirSync(screenshots, { recursive: true });
  const profile = mkdtempSync(join(tmpdir(), 'wi-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    timeout: PATIENCE_MS,
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
  return new Walker({ demo, origin, page, context, seen, profile, screenshots });
}

class Walker {
  passed = 0;
  failures = [];

  constructor(parts) {
    Object.assign(this, parts);
  }

  /** One step: counted as passed, or as failed with what went wrong and a picture; the walk goes on either way. */
  async check(name, run) {
    try {
      await run();
      this.passed += 1;
      console.log(`ok      ${name}`);
    } catch (error) {
      this.failures.push(name);
      console.log(`FAILED  ${name}\n        ${String(error?.message ?? error).replaceAll('\n', '\n        ')}`);
      await this.picture(`failed-${this.failures.length}`).catch(() => {});
    }
  }

  byTestId(id) {
    return this.page.getByTestId(id);
  }

  async picture(name) {
    if (this.screenshots) await this.page.screenshot({ path: join(this.screenshots, `${name}.png`), fullPage: true });
  }

  async goto(path) {
    await this.page.goto(this.origin + path);
  }

  /** A page is there once its heading is and nothing says it is still loading. */
  async settled() {
    await this.page.locator('main h1').first().waitFor();
    await this.page.locator('main .spinner').first().waitFor({ state: 'detached' });
  }

  async choose(language) {
    await this.byTestId('language-switch').getByRole('button', { name: language.name }).click();
    await this.page.locator(`html[lang="${language.id}"]`).waitFor();
  }

  async accessible() {
    const { violations } = await new AxeBuilder({ page: this.page }).withTags(AXE_TAGS).setLegacyMode(true).analyze();
    const lines = violations.map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => node.target.join(' ')).slice(0, 3).join(', ')}`);
    expect(lines.length === 0, lines.join('\n'));
  }

  async inBothLanguages(name, file) {
    for (const language of LANGUAGES) {
      await this.check(`${name} in ${language.name}: no axe violation`, async () => {
        await this.choose(language);
        await this.settled();
        await this.accessible();
        await this.picture(`${file}-${language.id}`);
      });
    }
  }

  /** Goes to a page through the navigation, as a reader would: its section, then its link. */
  async follow(section, path) {
    await this.page.locator(`.sections a[data-section="${section}"]`).click();
    await this.page.locator(`.pages a[href="${path}"]`).click();
    await this.settled();
  }

  /** Signs in on the sign-in page, which must be open. */
  async signIn(role) {
    const { name, password } = this.demo.logins[role];
    await this.page.locator('#sign-in-name').fill(name);
    await this.page.locator('#sign-in-password').fill(password);
    await this.byTestId('sign-in-form').locator('button[type="submit"]').click();
    await this.byTestId('account').getByText(name).first().waitFor();
    await this.settled();
  }

  async signOut() {
    await this.byTestId('sign-out').click();
    await this.byTestId('sign-in-form').waitFor();
  }

  /** Opens each page by its address in both languages; `ready` is what shows that its content has come. */
  async visit(paths) {
    for (const { name, path, ready } of paths) {
      await this.goto(path);
      await this.settled();
      if (ready) await this.page.locator(ready).first().waitFor();
      await this.inBothLanguages(name, name.replaceAll(' ', '-'));
    }
  }

  async narrow(paths) {
    await this.page.setViewportSize(NARROW);
    for (const { name, path, ready } of paths) {
      await this.check(`${name}: nothing scrolls sideways at ${NARROW.width} pixels`, async () => {
        await this.goto(path);
        await this.settled();
        if (ready) await this.page.locator(ready).first().waitFor();
        const width = await this.page.evaluate(() => document.scrollingElement.scrollWidth);
        await this.picture(`narrow-${name.replaceAll(' ', '-')}`);
        expect(width <= NARROW.width, `the page is ${width} pixels wide`);
      });
    }
    await this.page.setViewportSize(WIDE);
  }

  /** Closes the browser and states what no page may ever cause; returns whether everything passed. */
  async close() {
    await this.context.close();
    rmSync(this.profile, { recursive: true, force: true });
    for (const [name, lines] of findings(this.seen)) {
      await this.check(`no ${name}`, () => expect(lines.length === 0, lines.join('\n')));
    }
    console.log(`${this.passed} passed, ${this.failures.length} failed`);
    return this.failures.length === 0;
  }
}
