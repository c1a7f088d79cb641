// Where the reader is: the browser's history as reactive state, and links that change page without loading it anew.
import { href, match, withSearch, type Route } from './router';

class Navigation {
  path = $state(location.pathname);
  search = $state(location.search);
  route = $derived(match(this.path));
  parameters = $derived(new URLSearchParams(this.search));

  go(route: Route): void {
    this.goTo(href(route));
  }

  goTo(url: string): void {
    history.pushState(null, '', url);
    this.read();
    scrollTo({ top: 0, behavior: 'instant' });
  }

  /** Rewrites the search part without a new step of history: choices made on a page, kept in its address. */
  keep(values: Readonly<Record<string, string | null>>): void {
    const next = withSearch(this.path, values);
    if (next !== this.path + this.search) history.replaceState(null, '', next);
    this.search = location.search;
  }

  private read(): void {
    this.path = location.pathname;
    this.search = location.search;
  }

  /** Listens to back, forward and clicks on links of this site. */
  start(): void {
    addEventListener('popstate', () => this.read());
    document.addEventListener('click', (event) => {
      if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      const link = (event.target as Element | null)?.closest('a');
      if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
      if (link.pathname.startsWith('/api/') || (link.hash && link.pathname === location.pathname)) return;
      event.preventDefault();
      this.goTo(link.pathname + link.search);
    });
  }
}

export const navigation = new Navigation();
