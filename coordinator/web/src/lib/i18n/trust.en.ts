// English texts of public pages and first pages: what is needed before a page is opened.
import type { trust as it } from './trust.it';

export const trust: Record<keyof typeof it, string> = {
  'section.help': 'Help',
  'nav.home': 'Home',
  'nav.protection': 'How we protect data',
  'nav.glossary': 'Glossary',
  'nav.api': 'API',
  'nav.accessibility': 'Accessibility',
  'footer.links': 'About the service',
  'home.title': 'Home',
  'protection.title': 'How we protect data',
  'glossary.title': 'Glossary',
  'accessibility.title': 'Accessibility declaration',
  'api-docs.title': 'API: the interface for programs',
  'problem.malformed-request': 'The request is not in a form this service reads.',
  'problem.too-slow': 'The request did not arrive whole in time. Try again.',
  'log.account-changed': 'An account was changed; its sessions have ended',
  'log.account-closed': 'An account was closed',
};
