// What moves on a page after it was shown, beyond what its reader caused: the layout shift of every page, as each role, at a wide and a
// narrow window.
import { PAGES, whatThereIs } from './pages.mjs';

const SIZES = [
  { width: 1360, height: 900 },
  { width: 390, height: 844 },
];
/** What is less than this nobody sees. */
const SEEN = 0.0005;

/** Runs in the page, from its beginning: keeps each movement with what moved, from where to where. */
function listen() {
  window.wiShifts = [];
  const named = (node) => {
    const element = node?.nodeType === 1 ? node : node?.parentElement;
    if (!element) return '?';
    const classes = typeof element.className === 'string' ? element.className.trim().split(/\s+/).join('.') : '';
    return [element.tagName.toLowerCase(), element.dataset.testid && `[${element.dataset.testid}]`, classes && `.${classes}`].filter(Boolean).join('');
  };
  const place = ({ y, height }) => `${y.toFixed(0)}+${height.toFixed(0)}`;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
      if (!hadRecentInput) window.wiShifts.push({ value, moved: sources.map(({ node, previousRect, currentRect }) => `${named(node)} ${place(previousRect)} to ${place(currentRect)}`) });
    }
  }).observe({ type: 'layout-shift', buffered: true });
}

/** Opens every page in a browser that nobody is signed in to, and prints what moved; returns the most that did. */
export async function shifts({ walk, demo }) {
  const { page, context, origin } = walk;
  await context.addInitScript(listen);
  let there = {};
  async function become(role) {
    await context.clearCookies();
    await page.goto(origin);
    await walk.settled();
    if (!role) return;
    await walk.signIn(role);
    there = await whatThereIs(page);
  }
  let signedIn = null;
  let worst = 0;
  for (const { name, role, path, ready } of PAGES) {
    if (role && !demo.logins[role]) continue;
    if (role !== signedIn) await become(role);
    signedIn = role;
    for (const size of SIZES) {
      await page.setViewportSize(size);
      await page.goto(origin + (typeof path === 'function' ? path(there) : path));
      await walk.settled();
      await page.locator(ready).first().waitFor();
      await page.waitForLoadState('networkidle');
      const all = await page.evaluate(() => window.wiShifts);
      const sum = all.reduce((total, { value }) => total + value, 0);
      worst = Math.max(worst, sum);
      console.log(`${name.padEnd(46)}${`${size.width} px`.padStart(16)}${sum.toFixed(4).padStart(16)}`);
      for (const { value, moved } of all.filter(({ value }) => value >= SEEN)) console.log(`    ${value.toFixed(4)}  ${moved.join('; ')}`);
    }
  }
  return worst;
}
