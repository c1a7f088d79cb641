// An analyst: signs in, asks, watches the nodes, reads map and table, changes language, derives, plans, compares, forecasts, and sees
// every page in both languages.
import { closed } from './closing.mjs';
import { LANGUAGES, expect } from './harness.mjs';

export async function analyst(walk) {
  await signIn(walk);
  const first = await ask(walk);
  const asked = await watchNodes(walk);
  const release = await readRelease(walk);
  await closed(walk, asked);
  await derive(walk, first);
  await planned(walk);
  const comparison = await compared(walk, release);
  const forecast = await forecasted(walk);
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
  await walk.visit(paths);
  await unknownAddress(walk);
  await walk.narrow(paths);
  await walk.check('signing out leads back to the sign-in page', async () => {
    await walk.goto('/explore');
    await walk.signOut();
  });
}

async function signIn(walk) {
  await walk.byTestId('sign-in-form').waitFor();
  await walk.inBothLanguages('sign-in', 'sign-in');
  await walk.check('an analyst signs in', () => walk.signIn('analyst'));
}

/** Asks a question that was not asked before, so that nodes have something to do; returns its first month. */
async function ask(walk) {
  let first = '';
  await walk.check('the form previews margin and privacy loss before anything is spent', async () => {
    await walk.follow('questions', '/ask');
    await walk.byTestId('ask-form').waitFor();
    await walk.page.locator('#ask-area').selectOption('nil');
    await walk.byTestId('preview-margin').waitFor();
    await walk.byTestId('preview-epsilon').waitFor();
  });
  await walk.inBothLanguages('the question form', 'ask');
  await walk.check('an unasked question is sent after a confirmation', async () => {
    const months = await walk.page.locator('#ask-from option').evaluateAll((options) => options.map((option) => option.value));
    const to = '2025-12';
    const from = months.filter((month) => month <= to);
    await walk.page.locator('#ask-to').selectOption(to);
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const month = from[Math.floor(Math.random() * from.length)];
      await walk.page.locator('#ask-from').selectOption(month);
      first = month;
      await walk.page.locator('[data-testid="preview"][aria-busy="false"]').waitFor();
      await walk.page.locator('[data-testid="ask-submit"]:enabled').waitFor();
      if ((await walk.byTestId('already-released').count()) === 0) break;
    }
    await walk.byTestId('ask-submit').click();
    await walk.page.locator('dialog[open]').waitFor();
    await walk.accessible();
    await walk.byTestId('confirm-send').click();
    await walk.byTestId('node-states').waitFor();
  });
  return first;
}

async function watchNodes(walk) {
  await walk.check('every node is shown, and answers while one watches', async () => {
    const nodes = walk.byTestId('node-states').locator('li[data-node]');
    expect((await nodes.count()) > 0, 'no node is shown');
    await walk.picture('asked-collecting');
    await walk.byTestId('open-release').waitFor();
    const states = await nodes.evaluateAll((items) => items.map((item) => item.dataset.state));
    expect(states.every((state) => state === 'answered'), `the nodes ended as ${states.join(', ')}`);
  });
  await walk.inBothLanguages('the progress of a question', 'asked');
  const path = new URL(walk.page.url()).pathname;
  await walk.check('the release opens from the progress page', async () => {
    await walk.byTestId('open-release').click();
    await walk.byTestId('map').locator('path[data-key]').first().waitFor();
    await walk.byTestId('area-table').locator('tbody tr').first().waitFor();
  });
  return path;
}

/** Plans the usual questions where nobody has, and asks what is due of the first. */
async function planned(walk) {
  await walk.check('a planned question shows price and margins of what is due, and is asked', async () => {
    await walk.page.goto(`${walk.origin}/cubes`);
    await walk.page.locator('[data-testid="cube"], [data-testid="plan-defaults"]').first().waitFor();
    if ((await walk.byTestId('plan-defaults').count()) > 0) await walk.byTestId('plan-defaults').first().click();
    const due = walk.byTestId('cube').filter({ has: walk.byTestId('cube-ask') }).first();
    await due.waitFor();
    await due.locator('[data-testid="cube-preview"]').click();
    await due.locator('[data-testid="cube-parts"] tbody tr').first().waitFor();
    await walk.picture('planned');
    await due.locator('[data-testid="cube-ask"]:enabled').click();
    await walk.byTestId('node-states').waitFor();
    await walk.byTestId('open-release').waitFor();
  });
  await walk.check('a release of a planned question says what its bounds cut off, and leads to the other levels', async () => {
    await walk.byTestId('open-release').click();
    await walk.byTestId('truncation').waitFor();
    const text = await walk.byTestId('truncation').innerText();
    expect(text.includes('±'), `it says: ${text}`);
    expect((await walk.byTestId('other-level').count()) > 0, 'no other level is linked');
  });
}

/** Compares the areas of a release, and shows in the address what was chosen; its path. */
async function compared(walk, release) {
  let path = '';
  await walk.check('areas are compared between two numbers, with a place and a verdict each', async () => {
    await walk.page.goto(walk.origin + release);
    await walk.byTestId('compare').locator('summary').first().click();
    const row = walk.byTestId('compare-table').locator('tbody tr').first();
    await row.waitFor();
    const cells = await row.locator('td').allInnerTexts();
    expect(/\d/.test(cells[0]) && /\d.*\d/.test(cells[1]), `the first row says: ${cells.join(' | ')}`);
    await walk.page.locator('#compare-per').selectOption('count');
    await walk.page.locator('.verdict').first().waitFor({ state: 'detached' });
    await walk.page.locator('[data-row] button').first().click();
    await walk.page.locator('.verdict').first().waitFor();
    path = new URL(walk.page.url()).pathname + new URL(walk.page.url()).search;
    expect(path.includes('compare=yes') && path.includes('per=count'), `the address is ${path}`);
  });
  await walk.check('areas of one\'s own are compared as unions', async () => {
    await walk.byTestId('compare').locator('details summary').click();
    await walk.page.locator('#compare-unions').fill('north: 9 10\nsouth: 40 41');
    await walk.byTestId('compare').locator('form button[type="submit"]').click();
    await walk.page.waitForURL(/unions=/);
    await walk.byTestId('compare-table').locator('tbody th', { hasText: 'north' }).waitFor();
    expect((await walk.byTestId('compare-table').locator('tbody tr').count()) === 2, 'there are not two rows');
  });
  return path;
}

/** Where the width of a forecast is from, how it would have done, and by which version of the method, in words and numbers. */
async function explained(walk, rows) {
  const shares = (text) => [...text.matchAll(/(\d+) %/g)].map(([, share]) => Number(share));
  const makeOne = (of, what) => {
    const sum = of.reduce((all, one) => all + one, 0);
    // Four rounded parts of a hundred.
    expect(of.length === 4 && Math.abs(sum - 100) <= 2, `${what} has the parts ${of.join(', ')}`);
  };
  const legend = walk.page.locator('.width-legend li');
  makeOne(shares((await legend.allInnerTexts()).join(' ')), 'the width of the first period');
  expect(/privacy/.test(await legend.nth(0).innerText()) && /growth|crescita/.test(await legend.nth(3).innerText()), 'the parts of the width are not named');
  for (const row of await rows.all()) makeOne(shares(await row.locator('.visually-hidden').innerText()), 'what a screen reader is told of a width');
  await walk.page.getByText(/Parts of the variance|Parti della varianza/).waitFor();
  // A short past leaves nothing to try it on.
  const asked = await walk.page.request.get(`${walk.origin}/api/v1/forecasts/${new URL(walk.page.url()).pathname.split('/').pop()}`);
  const key = await walk.page.locator('#forecast-area').inputValue();
  const { backtest } = (await asked.json()).result.series.find((one) => one.key === key);
  const tried = walk.byTestId('forecast-backtest').locator('tbody tr');
  const horizons = await tried.locator('th').allInnerTexts();
  expect(horizons.join() === backtest.map((one) => one.horizon).join(), `it is tried ${horizons.join()} periods ahead`);
  if (backtest.length === 0) await walk.page.getByText(/The past is too short for a trial|Il passato è troppo breve per una prova/).waitFor();
  for (const row of await tried.all()) {
    const [inside, skill, mase] = await row.locator('td').allInnerTexts();
    expect(/^\d{1,3} % (of \d+ trials?|di \d+ prov[ae])$/.test(inside), `inside: ${inside}`);
    expect(/^([-\u2212]?[\d.,]+ %|–)$/.test(skill) && /^(\d+[.,]\d+|–)$/.test(mase), `skill and MASE: ${skill}, ${mase}`);
  }
  if (backtest.length > 0) await walk.page.getByText(/The past was cut at earlier ends|Il passato è stato troncato a fini precedenti/).waitFor();
  expect(/^\d+$/.test(await walk.byTestId('forecast-engine').innerText()), 'the version of the method is not named');
  expect((await walk.byTestId('forecast-older').count()) === 0, 'a new forecast is called older');
}

/** Forecasts a planned question from what is released; the forecast's path. */
async function forecasted(walk) {
  await walk.check('a forecast is worked out, drawn and explained, with an assumption beside it', async () => {
    await walk.page.goto(`${walk.origin}/forecast`);
    await walk.page.locator('[data-testid="forecast-begin"]:enabled').click();
    await walk.byTestId('forecast-result').waitFor();
    // The levels of the survey are forecast together, and the page says so.
    await walk.byTestId('forecast-agree').waitFor();
    await walk.byTestId('fan').locator('path').first().waitFor();
    const rows = walk.byTestId('forecast-table').locator('tbody tr');
    expect((await rows.count()) === 4, 'the table does not have four periods');
    await explained(walk, rows);
    const before = await rows.nth(0).innerText();
    await walk.page.locator('#adjust-change').fill('50');
    await walk.page.locator('#adjust-reason').fill('a new estate opens');
    await walk.byTestId('forecast-adjustments').locator('button[type="submit"]').click();
    await walk.byTestId('forecast-adjustments').getByText('a new estate opens').waitFor();
    await walk.page.locator('#forecast-area').selectOption({ index: 1 });
    const after = await rows.nth(0).innerText();
    expect(before !== after, 'the assumption changed nothing');
  });
  return new URL(walk.page.url()).pathname;
}

/** A point of the screen that shows an area, with the area's key. */
function pointOnMap(walk) {
  return walk.byTestId('map').evaluate((map) => {
    for (const shape of map.querySelectorAll('path[data-key]')) {
      const box = shape.getBoundingClientRect();
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      if (document.elementFromPoint(x, y) === shape) return { x, y, key: shape.dataset.key };
    }
    return null;
  });
}

/** Moves the pointer to an area; again where the map moved before the pointer was there. */
async function hovered(walk) {
  for (let attempt = 1; ; attempt += 1) {
    await walk.byTestId('map').scrollIntoViewIfNeeded();
    const point = await pointOnMap(walk);
    expect(point, 'no area is under its own centre');
    await walk.page.mouse.move(point.x, point.y);
    const row = walk.page.locator(`tr[data-row="${point.key}"].is-hovered`);
    try {
      await row.waitFor({ timeout: 20_000 });
      await walk.page.locator('.map-tip').waitFor();
      return [point, row];
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

async function readRelease(walk) {
  await walk.check('the map shows the 88 NIL, the table also the unknown', async () => {
    const keys = await walk.byTestId('map').locator('path[data-key]').evaluateAll((shapes) => new Set(shapes.map((shape) => shape.dataset.key)).size);
    expect(keys >= 80, `${keys} areas are drawn`);
    const rows = await walk.byTestId('area-table').locator('tbody tr').count();
    expect(rows === 89, `${rows} rows`);
    await walk.byTestId('area-table').locator('tr[data-row="unknown"]').waitFor();
  });
  await walk.check('hovering an area names it and marks its row', async () => {
    const [point, row] = await hovered(walk);
    const name = (await row.locator('th').innerText()).trim();
    await walk.byTestId('area-detail').getByRole('heading', { name, exact: true }).waitFor();
    await walk.page.mouse.click(point.x, point.y);
    await walk.page.locator(`tr[data-row="${point.key}"] button[aria-pressed="true"]`).waitFor();
    await walk.picture('explore-selected');
    await walk.page.mouse.move(0, 0);
  });
  await walk.check('the keyboard reaches every area of the table and chooses one', async () => {
    const table = walk.byTestId('area-table');
    await table.locator('tbody button[tabindex="0"]').focus();
    await walk.page.keyboard.press('Home');
    await walk.page.keyboard.press('ArrowDown');
    await walk.page.keyboard.press('ArrowDown');
    const focused = table.locator('tbody tr:nth-child(3) button:focus');
    await focused.waitFor();
    const name = (await focused.innerText()).trim();
    await walk.page.keyboard.press('Enter');
    await table.locator('tbody tr:nth-child(3) button[aria-pressed="true"]').waitFor();
    await walk.byTestId('area-detail').getByRole('heading', { name, exact: true }).waitFor();
    await walk.page.keyboard.press('End');
    await table.locator('tbody tr:last-child button:focus').waitFor();
  });
  await walk.check('coverage and privacy of the release are stated', async () => {
    await walk.byTestId('coverage').waitFor();
    await walk.byTestId('privacy').waitFor();
  });
  await walk.check('changing the language changes the text and the document, and is remembered', async () => {
    const texts = [];
    for (const language of LANGUAGES) {
      await walk.choose(language);
      texts.push(await walk.page.locator('main h1').first().innerText());
    }
    expect(texts[0] !== texts[1], `both languages say ${texts[0]}`);
    await walk.page.reload();
    await walk.page.locator(`html[lang="${LANGUAGES[1].id}"]`).waitFor();
    await walk.settled();
  });
  return new URL(walk.page.url()).pathname;
}

/** Asks for the whole city what the release just read holds by NIL. */
async function derive(walk, from) {
  await walk.check('an answer that follows from a release is offered before anything is spent, and made at no cost', async () => {
    await walk.page.goto(`${walk.origin}/ask`);
    await walk.byTestId('ask-form').waitFor();
    await walk.page.locator('#ask-area').selectOption('city');
    await walk.page.locator('#ask-to').selectOption('2025-12');
    await walk.page.locator('#ask-from').selectOption(from);
    await walk.byTestId('derivable').waitFor();
    await walk.accessible();
    await walk.picture('ask-derivable');
    await walk.byTestId('derive').click();
    await walk.byTestId('derived').waitFor();
  });
  await walk.check('rates are worked out of a release as intervals', async () => {
    await walk.byTestId('statistics').locator('summary').click();
    await walk.byTestId('statistics-table').locator('tbody tr').first().waitFor();
    await walk.accessible();
    await walk.picture('explore-statistics');
  });
}

async function unknownAddress(walk) {
  await walk.check('an unknown address says so', async () => {
    // Within the site: the address changes without a new document, as it does on a mistyped link.
    await walk.page.evaluate(() => {
      history.pushState(null, '', '/no-such-page');
      dispatchEvent(new PopStateEvent('popstate'));
    });
    await walk.page.locator('.empty-mark').waitFor();
  });
  await walk.inBothLanguages('the page of an unknown address', 'not-found');
}
