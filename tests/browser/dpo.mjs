// A data protection officer: signs in, finds a decision in the query log, reads why it was decided so and what it cost, sees its proof
// verified in the browser, and looks at studies, policies, budgets and alerts, in both languages. Nothing is changed.
import { LANGUAGES, expect } from './harness.mjs';
import { packCalledOff } from './transfers.mjs';

export async function dpo(walk) {
  await walk.check('an officer signs in', async () => {
    await walk.byTestId('sign-in-form').waitFor();
    await walk.signIn('dpo');
  });
  const organisation = await filtered(walk);
  const decision = await opened(walk);
  const policy = await published(walk);
  const paths = [
    { name: 'decisions', path: '/decisions', ready: '[data-testid="decisions"] tbody tr' },
    { name: 'decisions filtered', path: `/decisions?decision=answered&organisation=${organisation}`, ready: '[data-testid="decisions"] tbody tr' },
    { name: 'a decision', path: decision, ready: '[data-testid="proof-holds"]' },
    { name: 'studies', path: '/studies', ready: '[data-testid="study"]' },
    { name: 'policies', path: '/policies', ready: '[data-testid="policies"] table' },
    { name: 'a policy', path: policy, ready: '[data-testid="policy-comparison"]' },
    { name: 'budgets', path: '/budgets', ready: '[data-testid="budget"]' },
    { name: 'alerts', path: '/alerts', ready: '[data-testid="alerts"], [data-testid="alerts-empty"]' },
  ];
  await walk.visit(paths);
  await walk.narrow(paths);
  await walk.check('an officer signs out', async () => {
    await walk.goto('/decisions');
    await walk.signOut();
  });
}

/** Filters the log by decision and organisation; returns the organisation. */
async function filtered(walk) {
  const rows = walk.byTestId('decisions').locator('tbody tr');
  let organisation = '';
  await walk.check('the query log is filtered, and its address holds the filter', async () => {
    await walk.follow('accounts', '/decisions');
    await rows.first().waitFor();
    const form = walk.byTestId('decision-filters');
    organisation = await form.locator('#decision-organisation option').nth(1).getAttribute('value');
    await form.locator('#decision-organisation').selectOption(organisation);
    await form.locator('#decision-decision').selectOption('answered');
    await form.locator('button[type="submit"]').click();
    await walk.page.waitForURL((url) => url.searchParams.get('organisation') === organisation && url.searchParams.get('decision') === 'answered');
    // Until the answer is there, the page shows what it showed before.
    await rows.locator('.badge:not(.decision-answered)').first().waitFor({ state: 'detached' });
    await rows.first().waitFor();
    const badges = await rows.locator('.badge').evaluateAll((all) => all.map((one) => one.className));
    expect(badges.length > 0 && badges.every((name) => name.includes('decision-answered')), 'a decision of another kind is shown');
  });
  await walk.check('a search that finds nothing says what to do', async () => {
    await walk.page.locator('#decision-text').fill('nessuno-si-chiama-così');
    await walk.page.keyboard.press('Enter');
    await walk.byTestId('decisions-empty').waitFor();
    await walk.accessible();
    await walk.page.goBack();
    await rows.first().waitFor();
  });
  await walk.check('a day is read as people write it, and one that is none stops the search', async () => {
    const [from, search] = [walk.page.locator('#decision-from'), walk.byTestId('decision-filters').locator('button[type="submit"]')];
    await from.fill('31/02/2026');
    await search.click();
    await walk.page.locator('#decision-from-fault').waitFor();
    await walk.accessible();
    await from.fill('1/1/2020');
    await search.click();
    await walk.page.waitForURL((url) => url.searchParams.get('from') === '2020-01-01');
    await rows.first().waitFor();
  });
  return organisation;
}

/** Opens the first decision of the list; returns its address. */
async function opened(walk) {
  let address = '';
  await walk.check('a decision says why, what it cost and what remained, and its proof holds in the browser', async () => {
    await walk.byTestId('decisions').locator('tbody tr a').first().click();
    await walk.settled();
    await walk.byTestId('decision-why').waitFor();
    const cost = await walk.byTestId('decision-cost').textContent();
    expect(cost.includes('ρ') && cost.includes('ε'), `the cost reads ${cost}`);
    await walk.byTestId('proof-holds').waitFor();
    expect((await walk.byTestId('proof-finding').count()) === 0, 'the proof has a finding');
    expect((await walk.byTestId('decision-entries').locator('tbody tr').count()) >= 4, 'entries of the log are missing');
    address = new URL(walk.page.url()).pathname;
    for (const language of LANGUAGES) {
      await walk.choose(language);
      const question = await walk.byTestId('decision-question').textContent();
      expect(question.trim() !== '', `no question in ${language.name}`);
    }
  });
  await walk.check('an altered proof is seen', async () => {
    const route = '**/api/v1/decisions/*/proof';
    await walk.page.route(route, async (asked) => {
      const response = await asked.fetch();
      const proof = await response.json();
      proof.entries[0].header = proof.entries[0].header.replace('"at":1', '"at":2');
      await asked.fulfill({ response, json: proof });
    });
    await walk.goto(address);
    await walk.byTestId('proof-finding').waitFor();
    await walk.accessible();
    await walk.page.unroute(route);
  });
  await walk.goto(address);
  await walk.byTestId('proof-holds').waitFor();
  await packCalledOff(walk);
  await walk.check('the evidence pack comes down', async () => {
    const [download] = await Promise.all([walk.page.waitForEvent('download'), walk.byTestId('evidence').click()]);
    expect(download.suggestedFilename() === 'coordinator-evidence.zip', download.suggestedFilename());
  });
  return address;
}

/** Every node published the policy in force; returns the address of one. */
async function published(walk) {
  let address = '';
  await walk.check('every node published its policy in force', async () => {
    await walk.follow('accounts', '/policies');
    const sections = walk.byTestId('policies');
    await sections.first().waitFor();
    const count = await sections.count();
    const inForce = await sections.locator('tbody .badge').count();
    expect(count > 0 && inForce === count, `${inForce} of ${count} policies in force are published`);
    await sections.locator('tbody a').first().click();
    await walk.byTestId('policy-comparison').waitFor();
    address = new URL(walk.page.url()).pathname;
  });
  return address;
}
