// A planner: opens a site on the map and sees who gains, saves it, makes a variant and compares; has a plan found, calls one off, keeps
// the plan for a report and sees the sheet that would be printed.
import { expect } from './harness.mjs';
import { travelSent } from './transfers.mjs';

export async function plans(walk) {
  await walk.signIn('analyst');
  const scenario = await simulate(walk);
  await outlook(walk);
  const plan = await optimise(walk);
  await calledOff(walk);
  await travelSent(walk);
  const report = await reported(walk, plan);
  const paths = [
    { name: 'simulate', path: '/simulate', ready: '[data-testid="change-table"] tbody tr' },
    { name: 'a scenario', path: scenario, ready: '[data-testid="between"]' },
    { name: 'optimise', path: '/optimise', ready: '[data-testid="saved-plans"] tbody tr' },
    { name: 'a plan', path: plan, ready: '[data-testid="plan-sites"] tbody tr' },
    { name: 'reports', path: report, ready: '[data-testid="plan-sites"] tbody tr' },
  ];
  await walk.visit(paths);
  await walk.narrow(paths);
  await keyboard(walk);
  await ended(walk);
  await walk.goto('/simulate');
  // What is on its way when its reader leaves is refused, which Chromium writes to the console.
  await walk.byTestId('change-table').locator('tbody tr').first().waitFor();
  await walk.signOut();
}

/** Opens a candidate by its neighbourhood on the map, saves, makes a variant, compares both; the variant's path with the comparison. */
async function simulate(walk) {
  const { page } = walk;
  let first = '';
  await walk.check('before any edit, nobody gains and nobody loses', async () => {
    await walk.follow('plans', '/simulate');
    // Places within reach: they do not depend on how noisy the need of a small city is.
    await walk.byTestId('basis').locator('summary').first().click();
    const worked = page.waitForResponse((response) => /scenarios\/preview$/.test(response.url()) && (response.request().postData() ?? '').includes('cumulative'));
    await walk.byTestId('method').selectOption('cumulative');
    await worked;
    await page.locator('[data-testid="scenario"][aria-busy="false"]').waitFor();
    await walk.byTestId('change-table').locator('tbody tr').first().waitFor();
    const verdicts = await walk.byTestId('change-table').locator('.verdict').allInnerTexts();
    expect(verdicts.every((text) => text === verdicts[0]), `the outcomes are ${[...new Set(verdicts)].join(', ')}`);
  });
  await walk.check('a site is opened on the map, and those near it gain by an interval', async () => {
    await walk.byTestId('map-after').locator('path[data-key="9"]').click();
    await walk.byTestId('selected-area').waitFor();
    await walk.byTestId('open-here').first().click();
    await page.locator('[data-testid="scenario"][aria-busy="false"] [data-marker="new"]').first().waitFor();
    await page.locator('[data-testid="change-table"] .verdict-gains').first().waitFor();
    const row = await page.locator('[data-testid="change-table"] tbody tr').first().innerText();
    expect(/tra|between/.test(row), `the row shows no interval: ${row}`);
    await walk.picture('simulate');
  });
  await walk.inBothLanguages('a scenario being written', 'simulate-edit');
  await walk.check('a scenario is saved, and a variant of it compared with it', async () => {
    await page.locator('#scenario-name').fill('Un centro al nove');
    await walk.byTestId('save-scenario').locator('button[type="submit"]:enabled').click();
    await walk.byTestId('scenario-name').waitFor();
    first = new URL(page.url()).pathname.split('/').pop();
    await walk.byTestId('edit-form').locator('#edit-kind').selectOption('extend');
    await page.locator('#edit-places').fill('40');
    await walk.byTestId('edit-add').click();
    await page.locator('#scenario-name').fill('Con quaranta posti in più');
    await page.locator('[data-testid="scenario"][aria-busy="false"]').waitFor();
    await walk.byTestId('save-scenario').locator('button[type="submit"]:enabled').click();
    await page.waitForURL((url) => url.pathname.startsWith('/simulate/') && !url.pathname.endsWith(first));
    await walk.settled();
    await page.locator('#against').selectOption({ label: 'Un centro al nove' });
    await walk.byTestId('between').locator('.verdict-gains').first().waitFor();
    // On paper the scenario says what it changes.
    expect((await walk.byTestId('edits-listed').locator('li').count()) === 2, 'the two edits are not listed');
  });
  const url = new URL(page.url());
  return url.pathname + url.search;
}

/** Takes a forecast for the need of a scenario: as what is planned on, and as a change of what is known today. */
async function outlook(walk) {
  const { page } = walk;
  await walk.check('a forecast leads to a scenario whose need it is', async () => {
    await walk.goto('/forecast');
    await page.locator('[data-testid="forecast-begin"]:enabled').click();
    await page.locator('#plan-on-period option').nth(1).waitFor({ state: 'attached' });
    await walk.byTestId('plan-on').locator('#plan-on-period').selectOption('2');
    await walk.byTestId('plan-on-simulate').click();
    await page.waitForURL(/\/simulate\?forecast=.+&ahead=2/);
    await walk.byTestId('change-table').locator('tbody tr').first().waitFor();
    await walk.byTestId('basis').locator('summary').first().click();
    expect((await page.locator('#basis-ahead').inputValue()) === '2', 'another period is planned on');
    expect(/\d/.test(await walk.byTestId('sources').innerText()), 'the sources do not name the forecast');
  });
  await walk.check('the need of all areas becomes what is forecast, as one edit', async () => {
    await walk.goto('/simulate');
    await walk.byTestId('edit-form').locator('#edit-kind').selectOption('forecast');
    await page.locator('#edit-ahead option').first().waitFor({ state: 'attached' });
    await page.locator('[data-testid="edit-add"]:enabled').click();
    await page.locator('[data-testid="scenario"][aria-busy="false"]').waitFor();
    expect((await walk.byTestId('edits').locator('.edit-list li').count()) === 1, 'the forecast is not listed as one edit');
    expect((await page.locator('main .notice-danger').count()) === 0, 'the edit is refused');
  });
  await walk.inBothLanguages('a scenario of forecast need', 'simulate-forecast');
}

/** Lets a plan take so many seconds. */
async function within(page, seconds) {
  const more = page.locator('details', { has: page.locator('#plan-limit') }).last();
  if ((await more.getAttribute('open')) === null) await more.locator('summary').first().click();
  await page.locator('#plan-limit').fill(String(seconds));
}

/** Finds two more sites by travel alone; the plan's path. */
async function optimise(walk) {
  const { page } = walk;
  await walk.check('a plan is found, proven and judged against noise', async () => {
    await walk.follow('plans', '/optimise');
    await walk.byTestId('plan-model').selectOption('p-median');
    await page.locator('#plan-more').fill('2');
    await within(page, 120);
    await walk.byTestId('plan-begin').click();
    await walk.byTestId('plan-result').waitFor();
    const often = await walk.byTestId('plan-sites').innerText();
    expect(/su 100|in 100/.test(often), `no frequency is shown: ${often}`);
    const regret = await walk.byTestId('regret').innerText();
    expect(/tra|between/.test(regret), `regret has no interval: ${regret}`);
    await page.locator('[data-testid="plan-map"] [data-marker="new"]').first().waitFor();
    // A small city is mostly noise, and a busy machine slow: front and alternatives come only where time is left for them.
    await walk.byTestId('plan-hinges').waitFor();
    await walk.byTestId('plan-alternatives').waitFor();
  });
  await walk.check('limits that no plan keeps are answered by what would have to give', async () => {
    const found = new URL(page.url()).pathname;
    await walk.goto('/optimise');
    await walk.byTestId('plan-model').selectOption('lscp');
    await page.locator('#plan-radius').fill('1');
    await walk.byTestId('basis').locator('summary').first().click();
    await page.locator('#travel-speed').fill('0.5');
    await walk.byTestId('plan-begin').click();
    await walk.byTestId('plan-result').waitFor();
    const text = await walk.byTestId('plan-result').innerText();
    expect((await walk.byTestId('relaxations').locator('li').count()) > 0 || (await walk.byTestId('plan-sites').count()) > 0, `it says: ${text}`);
    await walk.goto(found);
    await walk.byTestId('plan-result').waitFor();
  });
  await walk.check('a budget of nothing opens nothing, and says what it keeps from being opened', async () => {
    const found = new URL(page.url()).pathname;
    await walk.goto('/optimise');
    await walk.byTestId('plan-model').selectOption('budget-allocation');
    await page.locator('#plan-budget').fill('0');
    await walk.byTestId('plan-begin').click();
    await walk.byTestId('plan-result').waitFor();
    await walk.byTestId('blocked').waitFor();
    await walk.goto(found);
    await walk.byTestId('plan-result').waitFor();
  });
  return new URL(page.url()).pathname;
}

/** A plan that would take long is stopped. */
async function calledOff(walk) {
  const { page } = walk;
  await walk.check('a plan is called off while it is solved', async () => {
    await walk.goto('/optimise');
    await walk.byTestId('plan-model').selectOption('max-min');
    await page.locator('#plan-more').fill('30');
    await page.locator('#plan-budget').fill('3000000');
    // Longer than looking at it takes on the slowest machine.
    await within(page, 600);
    await walk.byTestId('plan-begin').click();
    await walk.byTestId('plan-cancel').waitFor();
    await walk.accessible();
    await walk.picture('plan-progress');
    await walk.byTestId('plan-cancel').click();
    await walk.byTestId('plan-progress').waitFor({ state: 'detached' });
  });
}

/** Keeps the plan for a report; the report's path. */
async function reported(walk, plan) {
  const { page } = walk;
  await walk.check('a plan is kept for a report, which shows sources and margins', async () => {
    await walk.goto(plan);
    await walk.byTestId('plan-result').waitFor();
    await walk.byTestId('save-view').locator('summary').click();
    await walk.byTestId('save-view').locator('input').fill('Due centri in più');
    await walk.byTestId('save-view').locator('button').click();
    await walk.byTestId('save-view').locator('a[href="/reports"]').click();
    await walk.settled();
    await walk.byTestId('saved-views').locator('input[type="checkbox"]').first().check();
    const sheet = walk.byTestId('report').first();
    await sheet.locator('[data-testid="plan-sites"] tbody tr').first().waitFor();
    expect((await sheet.locator('[data-testid="sources"] code').count()) >= 2, 'the sheet names no question');
    await page.emulateMedia({ media: 'print' });
    expect(!(await page.locator('.site-header').isVisible()), 'the print carries the navigation');
    await walk.picture('report-print');
    await page.emulateMedia({ media: 'screen' });
  });
  const url = new URL(page.url());
  return url.pathname + url.search;
}

/** The same edit without a pointer: the area's button in the table, then the button it opens. */
async function keyboard(walk) {
  const { page } = walk;
  await walk.check('a site is opened with the keyboard alone', async () => {
    await walk.goto('/simulate');
    const area = page.locator('[data-testid="change-table"] tbody button').first();
    await area.waitFor();
    await area.focus();
    await page.keyboard.press('Enter');
    const open = walk.byTestId('open-here').first();
    await open.waitFor();
    await open.focus();
    await page.keyboard.press('Enter');
    await page.locator('[data-testid="scenario"][aria-busy="false"] [data-marker="new"]').first().waitFor();
  });
}

/** A number that cannot be, and a session that ends while a scenario is written. */
async function ended(walk) {
  const { page } = walk;
  await walk.check('a number that cannot be is named with its limits, and not sent', async () => {
    await walk.goto('/simulate');
    await walk.byTestId('change-table').locator('tbody tr').first().waitFor();
    await walk.byTestId('basis').locator('summary').first().click();
    await page.locator('#measure-radius').fill('-5');
    const told = await page.locator('main .notice-danger').innerText();
    expect(/1.*600/.test(told), `it says: ${told}`);
    await page.locator('#measure-radius').fill('60');
    await page.locator('main .notice-danger').waitFor({ state: 'detached' });
  });
  await walk.check('a session that ends in the middle of a form loses nothing of it', async () => {
    await walk.goto('/simulate');
    await walk.byTestId('change-table').locator('tbody tr').first().waitFor();
    const worked = page.waitForResponse((response) => /scenarios\/preview$/.test(response.url()) && (response.request().postData() ?? '').includes('Scritto a met'));
    await page.locator('#scenario-name').fill('Scritto a metà');
    await worked;
    const known = walk.seen.console.length;
    await walk.context.clearCookies();
    await walk.byTestId('save-scenario').locator('button[type="submit"]:enabled').click();
    await walk.byTestId('session-ended').waitFor();
    await walk.accessible();
    await walk.signIn('analyst');
    await walk.byTestId('scenario-name').getByText('Scritto a metà').waitFor();
    // Chromium writes the refusal to the console, which here is what was to be seen.
    walk.seen.console.splice(known, Infinity, ...walk.seen.console.slice(known).filter((line) => !line.includes('status of 401')));
  });
}
