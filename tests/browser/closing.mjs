// A question that still waits for a node is closed by its analyst. The nodes of a test answer too fast to be caught waiting, so the page
// is told that one has not; what the page then shows and sends is its own.
import { expect } from './harness.mjs';

/** `asked` is the path of a question that is released. */
export async function closed(walk, asked) {
  const { page } = walk;
  const id = asked.split('/').at(-1);
  const release = await page.evaluate(async (query) => (await (await fetch(`/api/v1/queries/${query}`)).json()).release, id);
  // One route for all: one that is taken away while it answers answers twice.
  let answered = 0;
  await page.route(`**/api/v1/queries/${id}`, async (route) => {
    const shown = answered;
    const response = await route.fetch();
    const view = await response.json();
    const nodes = view.nodes.map((node, i) => (i < shown ? node : { ...node, state: 'asked' }));
    await route.fulfill({ response, json: { ...view, state: 'collecting', release: undefined, nodes } });
  });
  await page.route(`**/api/v1/queries/${id}/events`, (route) => route.fulfill({ contentType: 'text/event-stream', body: ': nothing new\n\n' }));
  await walk.check('while nobody has answered, the page says why a question cannot be called off', async () => {
    await walk.goto(asked);
    await walk.byTestId('close-later').waitFor();
    expect((await walk.byTestId('close-question').count()) === 0, 'it can be closed all the same');
  });
  await walk.check('the answers there are can be taken, after a second click that says who will be missing', async () => {
    answered = 1;
    await walk.goto(asked);
    await walk.byTestId('close-question').click();
    await page.locator('dialog[open]').waitFor();
    await walk.accessible();
    await walk.picture('asked-close');
    let sent = '';
    await page.route(`**/api/v1/queries/${id}/close`, (route) => {
      sent = route.request().method();
      return route.fulfill({ status: 200, headers: { location: `/api/v1/releases/${release}` } });
    });
    await walk.byTestId('close-confirm').click();
    await page.waitForURL((url) => url.pathname === `/explore/${release}`);
    expect(sent === 'POST', `sent: ${sent}`);
  });
  await page.unrouteAll({ behavior: 'wait' });
}
