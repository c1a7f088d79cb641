// Pages that explain the service, read without an account; and what each role sees first.
import { expect } from './harness.mjs';

const OPEN = [
  { name: 'how we protect data', path: '/protection', ready: '[data-testid="protection-numbers"] table' },
  { name: 'the glossary', path: '/glossary', ready: '[data-testid="glossary"]' },
  { name: 'the accessibility declaration', path: '/accessibility', ready: '[data-testid="accessibility"]' },
  { name: 'the description of the API', path: '/api-docs', ready: '[data-testid="api-resource"]' },
];

/** Whoever is not signed in reads what is promised, by the numbers in force. */
export async function openPages(walk) {
  await walk.byTestId('sign-in-form').waitFor();
  await walk.check('from the sign-in page one click leads to what is promised, with numbers', async () => {
    await walk.page.locator('.site-footer a[href="/protection"]').click();
    const rows = walk.byTestId('protection-numbers').locator('tbody tr');
    await rows.first().waitFor();
    const cells = await rows.first().locator('td').allInnerTexts();
    expect(cells.length === 4 && cells.every((cell) => /\d/.test(cell)), `the first row says ${cells.join(' | ')}`);
  });
  await walk.visit(OPEN);
  await walk.check('an operation of the API opens with its answers and a call to copy', async () => {
    await walk.goto('/api-docs');
    await walk.page.locator('#api-search').fill('preview');
    const operation = walk.page.locator('[data-operation="post-queries-preview"]');
    await operation.locator('summary').click();
    await operation.getByText('curl -X POST').first().waitFor();
    expect(/\b422\b/.test(await operation.innerText()), 'no refusal is described');
    await walk.accessible();
  });
  await walk.check('a word of the glossary is found', async () => {
    await walk.goto('/glossary');
    await walk.page.locator('#glossary-search').fill('epsilon');
    await walk.page.locator('#term-rho').waitFor();
    expect((await walk.byTestId('glossary').locator('dt').count()) < 6, 'the search finds nearly everything');
  });
  await walk.narrow(OPEN);
  await walk.goto('/');
}

/** Each role signs in and sees what waits for it, and one click leads on. */
export async function firstPages(walk) {
  for (const [role, way] of [['analyst', '/overview'], ['organisation', '/log'], ['dpo', '/decisions']]) {
    await walk.check(`the role ${role} signs in and sees what waits for it`, async () => {
      await walk.goto('/');
      await walk.signIn(role);
      await walk.byTestId('home-needs').locator('li, p').first().waitFor();
    });
    await walk.inBothLanguages(`the first page of the role ${role}`, `home-${role}`);
    await walk.narrow([{ name: `the first page of the role ${role}`, path: '/', ready: '[data-testid="home-latest"]' }]);
    await walk.check(`one click leads the role ${role} on`, async () => {
      await walk.byTestId('home-ways').locator(`a[href="${way}"]`).click();
      await walk.page.waitForURL((url) => url.pathname === way);
      await walk.settled();
    });
    await walk.check(`the role ${role} signs out`, () => walk.signOut());
  }
}
