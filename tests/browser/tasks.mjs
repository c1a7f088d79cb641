// One task per page, from the first page of a role: what a person wants to know, the clicks that lead there, and where the answer
// stands. docs/UX.md is the same list for readers; the walk holds it to what is counted here.
import { readFileSync } from 'node:fs';
import { expect } from './harness.mjs';

const section = (id) => `.sections a[data-section="${id}"]`;
const link = (path) => `.pages a[href="${path}"]`;
const way = (path) => `[data-testid="home-ways"] a[href="${path}"]`;

/** `clicks` are selectors, clicked in this order; `answer` is where the answer stands and a pattern it matches. */
export const TASKS = [
  { page: 'Home', role: 'analyst', task: 'What needs me today?', clicks: [], answer: ['[data-testid="home-needs"]', /\S/], says: 'due questions, nodes out of reach, studies that end; or that nothing does' },
  { page: 'Overview', role: 'analyst', task: 'How much of the city do the numbers hold?', clicks: [way('/overview')], answer: ['[data-testid="overview-coverage"]', /\d/], says: 'the share of the city that answered, with its bounds' },
  { page: 'Explore', role: 'analyst', task: 'How many presences has the neighbourhood at the top, and how surely?', clicks: [way('/explore'), '[data-testid="area-table"] tbody tr:first-child button'], answer: ['[data-testid="area-detail"] .detail-value', /\d.*\d/], says: 'two numbers it lies between, nine times in ten' },
  { page: 'Neighbourhood', role: 'analyst', task: 'What is known of one neighbourhood?', clicks: [way('/explore'), '[data-testid="area-table"] tbody tr:first-child button', '.detail a[href^="/area/"]'], answer: ['[data-testid="area-needs"] tbody tr, [data-testid="area-needs"] p', /\S/], says: 'each need between two numbers, with its place among all; or that no result is split by group' },
  { page: 'Compare', role: 'analyst', task: 'Which place has a neighbourhood among all?', clicks: [way('/explore'), '[data-testid="compare"] summary'], answer: ['[data-testid="compare-table"] tbody tr', /\d/], says: 'an interval of ranks' },
  { page: 'Forecast', role: 'analyst', task: 'What are the coming periods of a planned question?', clicks: [way('/forecast'), '[data-testid="forecast-begin"]'], answer: ['[data-testid="forecast-table"] tbody tr', /\d/], says: 'four periods, each between two numbers' },
  { page: 'Ask', role: 'analyst', task: 'What would a question cost, and how exact would it be?', clicks: [way('/ask')], answer: ['[data-testid="preview"]', /ε|epsilon/i], says: 'its epsilon and its margin, before anything is spent' },
  { page: 'Planned', role: 'analyst', task: 'What would asking what is due cost?', clicks: [way('/cubes'), '[data-testid="cube-preview"]'], answer: ['[data-testid="cube-parts"] tbody tr', /\d/], says: 'the margin of each part, with its price' },
  { page: 'Question', role: 'analyst', task: 'Who answered the latest question?', clicks: [section('accounts'), link('/log'), '[data-testid="query-log"] tbody th a'], answer: ['.asked .small-label', /\S/], says: 'each node with its state, a refusal with its rule; or that nobody had to be asked' },
  { page: 'Nodes', role: 'analyst', task: 'Are all nodes there?', clicks: [section('accounts'), link('/nodes')], answer: ['[data-testid="nodes-table"] tbody tr', /\S/], says: 'each node with its state and edition' },
  { page: 'Log', role: 'analyst', task: 'What happened last in the log?', clicks: [section('accounts'), link('/log'), 'main a[href="/log?view=entries"]'], answer: ['[data-testid="entry-log"] tbody tr', /\S/], says: 'entries with their number and hour' },
  { page: 'Offer', role: 'analyst', task: 'Where is offer short of need?', clicks: [section('city'), link('/offer')], answer: ['[data-testid="gap-table"], [data-testid="no-offers"]', /\S/], says: 'the gap of each area with its margin; or that no offer is loaded' },
  { page: 'Simulate', role: 'analyst', task: 'Who would gain if a site opened, and who would lose?', clicks: [section('plans')], answer: ['[data-testid="change-table"] tbody tr', /\S/], says: 'each area before and after, with the interval of the difference' },
  { page: 'Simulate', role: 'analyst', task: 'Will the sites of today do for the need that is forecast?', clicks: [way('/forecast'), '[data-testid="forecast-begin"]', '[data-testid="plan-on-simulate"]'], answer: ['[data-testid="change-table"] tbody tr', /\S/], says: 'each area with what it would reach, on the forecast and its noise' },
  { page: 'Optimise', role: 'analyst', task: 'Where should two more sites go?', clicks: [section('plans'), link('/optimise'), '[data-testid="plan-begin"]'], answer: ['[data-testid="plan-progress"], [data-testid="plan-result"]', /\d/], says: 'the best plan so far and the bound no plan can pass, then the plan with how solid it is' },
  { page: 'Reports', role: 'analyst', task: 'Which views are kept to be printed?', clicks: [section('plans'), link('/reports')], answer: ['[data-testid="saved-views"], [data-testid="no-views"]', /\S/], says: 'each kept view with its author; or how to keep one' },
  { page: 'Decisions', role: 'analyst', task: 'What did nodes decide lately?', clicks: [section('accounts')], answer: ['[data-testid="decisions"] tbody tr', /\S/], says: 'each decision with organisation, cost and state' },
  { page: 'Studies', role: 'analyst', task: 'What may be asked, and until when?', clicks: [section('accounts'), link('/studies')], answer: ['[data-testid="study"]', /\d/], says: 'each study with purpose, limits and end' },
  { page: 'How we protect data', role: 'analyst', task: 'How much can somebody have lost so far?', clicks: [section('help')], answer: ['[data-testid="protection-numbers"] tbody tr:last-child', /\d/], says: 'rho, epsilon and what they mean, for a person known to all' },
  { page: 'Glossary', role: 'analyst', task: 'What is rho?', clicks: [section('help'), link('/glossary')], answer: ['#term-rho', /epsilon/], says: 'the most that answers reveal about one person' },
  { page: 'API', role: 'analyst', task: 'Which refusals does asking a preview know?', clicks: [section('help'), link('/api-docs'), '[data-operation="post-queries-preview"] summary'], answer: ['[data-operation="post-queries-preview"]', /422/], says: '400 to 422, each a problem with a code' },
  { page: 'Accessibility', role: 'analyst', task: 'How was accessibility assessed?', clicks: ['.site-footer a[href="/accessibility"]'], answer: ['[data-testid="accessibility"]', /axe/], says: 'by which criteria, and what was not tried' },
  { page: 'Home', role: 'organisation', task: 'Is my node there?', clicks: [], answer: ['.head-figure, [data-testid="home-needs"] li', /\S/], says: 'online with its edition, or what to do' },
  { page: 'Log', role: 'organisation', task: 'What was my organisation asked?', clicks: [way('/log')], answer: ['[data-testid="query-log"] tbody tr', /\S/], says: 'its questions, newest first, with state' },
  { page: 'Home', role: 'dpo', task: 'Is a decision of mine waited for?', clicks: [], answer: ['[data-testid="home-needs"]', /\S/], says: 'studies to countersign; or that nothing is' },
  { page: 'Policies', role: 'dpo', task: 'Which policy is in force at my organisation?', clicks: [way('/policies')], answer: ['[data-testid="policies"]', /\S/], says: 'the policy in force, with its hash and who signed' },
  { page: 'Budgets', role: 'dpo', task: 'How much is left of my organisation’s budget?', clicks: [way('/budgets')], answer: ['[data-testid="budget"]', /\d/], says: 'each cap with what is spent and left' },
  { page: 'Alerts', role: 'dpo', task: 'Does anything unusual go on?', clicks: [way('/alerts')], answer: ['[data-testid="alerts"], [data-testid="alerts-empty"]', /\S/], says: 'each alert with its reason; or that there is none' },
  { page: 'Question', role: 'dpo', task: 'What exactly was asked last, and how did my node decide?', clicks: ['[data-testid="home-latest"] a'], answer: ['.asked .small-label', /\S/], says: 'the question in words, how far it is, and the own node with its rule' },
  { page: 'Decision', role: 'dpo', task: 'Why was a question decided so, and does its proof hold?', clicks: [way('/decisions'), '[data-testid="decisions"] tbody tr:first-child a'], answer: ['[data-testid="proof-holds"]', /\S/], says: 'rule, cost and what was left, and that the proof was verified in the browser' },
  { page: 'Policy', role: 'dpo', task: 'What does a policy admit, and what changed in it?', clicks: [way('/policies'), '[data-testid="policies"] tbody a'], answer: ['[data-testid="policy-comparison"]', /\S/], says: 'its rules in words, beside those of the one before' },
  { page: 'Home', role: 'admin', task: 'Is anything out of order?', clicks: [], answer: ['[data-testid="home-needs"]', /\S/], says: 'nodes out of reach, studies that end, refusals; or that nothing is' },
  { page: 'Nodes', role: 'admin', task: 'Which node is behind?', clicks: [way('/nodes')], answer: ['[data-testid="nodes-table"] tbody tr', /\d/], says: 'each node with its last contact and edition' },
];

/** The row of docs/UX.md that a task has. */
const rowOf = ({ page, role, task, clicks, says }) => `| ${page} | ${role} | ${task} | ${clicks.length} | ${says} |`;

export async function tasks(walk) {
  const document = readFileSync(new URL('../../docs/UX.md', import.meta.url), 'utf8');
  await walk.check('docs/UX.md lists each task with its clicks', () => {
    const missing = TASKS.map(rowOf).filter((row) => !document.includes(row));
    expect(missing.length === 0, `these rows are missing:\n${missing.join('\n')}`);
    const rows = document.split('\n').filter((line) => /^\| [A-Z].* \| \d+ \|/.test(line)).length;
    expect(rows === TASKS.length, `${rows} rows for ${TASKS.length} tasks`);
  });
  let role = null;
  for (const one of TASKS) {
    await walk.check(`${one.role}, ${one.page}: ${one.task} (${one.clicks.length} clicks)`, async () => {
      if (one.role !== role) {
        await walk.context.clearCookies();
        await walk.goto('/');
        await walk.signIn(one.role);
        role = one.role;
      } else {
        await walk.goto('/');
        await walk.settled();
      }
      for (const click of one.clicks) {
        await walk.page.locator(click).first().click();
        await walk.settled();
      }
      const [where, pattern] = one.answer;
      await walk.page.locator(where).filter({ hasText: pattern }).first().waitFor();
    });
  }
  await walk.check('an address that does not exist leads back to the map with one click', async () => {
    await walk.goto('/no-such-page');
    await walk.page.locator('main a[href="/explore"]').click();
    await walk.byTestId('map').locator('path').first().waitFor();
  });
  await walk.check('signing out ends the tasks', async () => {
    await walk.goto('/');
    await walk.signOut();
  });
}
