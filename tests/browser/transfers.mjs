// Files on their way: the page says how far they are, and calls them off.
import { expect } from './harness.mjs';

/** Runs `begin` while what it sends waits, sees the progress, calls it off; then lets it pass. */
async function calledOff(walk, route, begin) {
  const { page } = walk;
  let pass;
  const held = new Promise((resolve) => (pass = resolve));
  await page.route(route, async (asked) => {
    await held;
    await asked.continue().catch(() => {});
  });
  await begin();
  await walk.byTestId('transfer').locator('progress').waitFor();
  await walk.accessible();
  await walk.byTestId('transfer-cancel').click();
  await walk.byTestId('transfer-cancelled').waitFor();
  expect(await walk.byTestId('transfer-cancelled').evaluate((message) => message === document.activeElement), 'the focus is lost with the button that was pressed');
  await page.unroute(route);
  pass();
}

/** Of the page that is open, the link to an evidence pack. */
export async function packCalledOff(walk) {
  await walk.check('an evidence pack on its way shows it, and can be called off', async () => {
    await calledOff(walk, '**/api/v1/log/evidence*', () => walk.byTestId('evidence').click());
  });
}

/** A table of travel: called off, then sent. */
export async function travelSent(walk) {
  const { page } = walk;
  const csv = `from_id,to_id,minutes\r\n${Array.from({ length: 88 }, (_, i) => `${i + 1},nil-${i + 1},${i}`).join('\r\n')}\r\n`;
  const file = { name: 'minutes.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) };
  await walk.check('a table of travel on its way shows it, can be called off, and sent again is chosen', async () => {
    await walk.follow('plans', '/optimise');
    const basis = walk.byTestId('basis');
    if ((await basis.getAttribute('open')) === null) await basis.locator('summary').first().click();
    await page.locator('#travel-kind').selectOption('table');
    await calledOff(walk, '**/api/v1/travel-tables?*', () => page.locator('#travel-file').setInputFiles(file));
    expect((await page.locator('#travel-table').inputValue()) === '', 'what was called off is chosen');
    await page.locator('#travel-file').setInputFiles(file);
    await page.locator('#travel-table option:checked', { hasText: 'minutes.csv (88)' }).waitFor({ state: 'attached' });
    await page.locator('#travel-kind').selectOption('crow-flies');
  });
}
