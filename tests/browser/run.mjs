// Drives the website in headless Chromium as people would, one walk after another. It knows nothing of a database; it clicks and reads.
//
//   node tests/browser/run.mjs DIR/demo.json [--screenshots DIR] [--walk NAME]...
//
// Prints `N passed, M failed`; the exit code is 1 if anything failed. The variable CHROMIUM names a browser other than /usr/bin/chromium.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { admin } from './admin.mjs';
import { analyst } from './analyst.mjs';
import { city } from './city.mjs';
import { dpo } from './dpo.mjs';
import { open } from './harness.mjs';
import { plans } from './plans.mjs';
import { tasks } from './tasks.mjs';
import { firstPages, openPages } from './trust.mjs';

/** In this order: later walks may read what earlier ones asked. Each begins and ends on the sign-in page. */
const WALKS = {
  analyst,
  city,
  plans,
  dpo,
  admin,
  openPages,
  firstPages,
  tasks,
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { screenshots: { type: 'string' }, walk: { type: 'string', multiple: true } } });
if (positionals.length !== 1) {
  console.error('usage: node run.mjs DIR/demo.json [--screenshots DIR] [--walk NAME]...');
  process.exit(2);
}
const demo = JSON.parse(readFileSync(positionals[0], 'utf8'));
const walker = await open(demo, values.screenshots);
for (const [name, walk] of Object.entries(WALKS)) {
  if (values.walk && !values.walk.includes(name)) continue;
  try {
    await walker.page.goto(demo.web);
    await walk(walker);
  } catch (error) {
    await walker.check(`the walk of ${name} came to its end`, () => {
      throw error;
    });
    await walker.context.clearCookies();
  }
}
process.exit((await walker.close()) ? 0 : 1);
