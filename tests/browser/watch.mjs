// Listens, for as long as the browser runs, to what no page of the site may ever cause. It changes nothing on the pages.

/** Watches a context and its page; what is found is added to the object returned. */
export async function watch(context, page, origin) {
  const seen = { violations: [], foreign: [], console: [] };
  await context.exposeBinding('wiPolicyViolation', (_, text) => seen.violations.push(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.wiPolicyViolation(`${event.violatedDirective} blocked ${event.blockedURI} on ${location.pathname}`);
    });
  });
  context.on('request', (request) => {
    const url = new URL(request.url());
    const inline = url.protocol === 'data:' || url.protocol === 'blob:';
    if (!inline && url.origin !== origin) seen.foreign.push(`${request.method()} ${request.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() !== 'error' || isAnswerToWhoAmI(message, origin)) return;
    seen.console.push(`${message.text()} (${message.location().url}) on ${page.url()}`);
  });
  page.on('pageerror', (error) => seen.console.push(`uncaught: ${error.message} on ${page.url()}`));
  return seen;
}

/**
 * Before anyone has signed in the site asks who is there, and the answer 401 means nobody. Chromium itself writes every such
 * status to the console; it is no error of a page, and it is the only line let through.
 */
function isAnswerToWhoAmI(message, origin) {
  return message.location().url === `${origin}/api/v1/session` && message.text().includes('status of 401');
}

/** What was found, by kind. */
export function findings(seen) {
  return [
    ['violation of the content security policy', seen.violations],
    ['request to another origin', seen.foreign],
    ['console error', seen.console],
  ];
}
