// Whoever runs the service: sees at a glance whether all nodes are there, follows what is asked over all organisations, reads alerts and
// log, takes the evidence pack home, and asks and plans nothing.
import { expect } from './harness.mjs';

const PATHS = [
  { name: 'the home of who runs the service', path: '/', ready: '[data-testid="home-latest"] li' },
  { name: 'all nodes', path: '/nodes', ready: '[data-testid="nodes-table"] tbody tr' },
  { name: 'all questions', path: '/log', ready: '[data-testid="query-log"] tbody tr' },
  { name: 'all entries', path: '/log?view=entries', ready: '[data-testid="entry-log"] tbody tr' },
  { name: 'all decisions', path: '/decisions', ready: '[data-testid="decisions"] tbody tr' },
  { name: 'all alerts', path: '/alerts', ready: '[data-testid="alerts"], [data-testid="alerts-empty"]' },
  { name: 'all budgets', path: '/budgets', ready: '[data-testid="budget"]' },
  { name: 'all policies', path: '/policies', ready: '[data-testid="policies"] table' },
  { name: 'planning without asking', path: '/simulate', ready: 'main .notice' },
];

export async function admin(walk) {
  const { page } = walk;
  await walk.check('who runs the service signs in and sees what waits', async () => {
    await walk.signIn('admin');
    await walk.byTestId('home-needs').locator('li, p').first().waitFor();
  });
  await walk.check('one click shows whether all nodes are there, with their edition', async () => {
    await walk.byTestId('home-ways').locator('a[href="/nodes"]').click();
    const rows = walk.byTestId('nodes-table').locator('tbody tr');
    await rows.first().waitFor();
    const nodes = await page.evaluate(async () => (await (await fetch('/api/v1/nodes')).json()).nodes.length);
    expect((await rows.count()) === nodes, `${await rows.count()} rows for ${nodes} nodes`);
    expect(/\d/.test(await rows.first().innerText()), 'the first node has no edition');
  });
  await walk.check('decisions of all organisations are listed and one is opened', async () => {
    await walk.follow('accounts', '/decisions');
    const form = walk.byTestId('decision-filters');
    const organisations = await form.locator('#decision-organisation option').count();
    expect(organisations > 2, `decisions of ${organisations - 1} organisations can be chosen`);
    await walk.byTestId('decisions').locator('tbody a').first().click();
    await walk.byTestId('proof-holds').waitFor();
  });
  await walk.check('the log is searched, and an entry leads to its question', async () => {
    await walk.follow('accounts', '/log');
    await page.locator('main a[href="/log?view=entries"]').click();
    await walk.byTestId('entry-log').locator('tbody tr').first().waitFor();
    await walk.byTestId('entry-log').locator('tbody a').first().click();
    await page.waitForURL((url) => url.pathname.startsWith('/ask/') || url.pathname.startsWith('/decisions/') || url.pathname.startsWith('/policies/'));
    await walk.settled();
  });
  await walk.check('the evidence pack of all organisations comes down from the home', async () => {
    await walk.goto('/');
    const [download] = await Promise.all([page.waitForEvent('download'), walk.byTestId('home-ways').locator('a[href="/api/v1/log/evidence"]').click()]);
    expect(/\.zip$/.test(download.suggestedFilename()), download.suggestedFilename());
  });
  await walk.check('nothing can be asked and nothing spent, and the page says who can', async () => {
    await walk.goto('/cubes');
    await walk.settled();
    await page.locator('[data-testid="cube"], .empty').first().waitFor();
    expect((await walk.byTestId('cube-ask').count()) === 0 && (await walk.byTestId('plan-defaults').count()) === 0, 'a question can be asked');
    await walk.goto('/simulate');
    await page.locator('main .notice').first().waitFor();
    expect((await walk.byTestId('edit-form').count()) === 0, 'a scenario can be written');
  });
  await walk.visit(PATHS);
  await walk.narrow(PATHS);
  await walk.check('who runs the service signs out', async () => {
    await walk.goto('/');
    await walk.signOut();
  });
}
