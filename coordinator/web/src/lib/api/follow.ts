// Follows one running query: server-sent events, and a slow poll when the stream breaks. Stops by itself at the end.
import { api } from './client';
import type { QueryState, QueryView } from './types';

const POLL_EVERY_MS = 3000;

/** Whether nothing more will happen to a query in this state. */
export function isFinal(state: QueryState): boolean {
  return state === 'released' || state === 'expired' || state === 'refused';
}

/** Whether nobody was asked, because the answer follows from an earlier release: such a question was never open. */
export function isDerived(query: Pick<QueryView, 'asked_at' | 'expires_at'>): boolean {
  return query.asked_at === query.expires_at;
}

/** Calls `onView` on every change; the returned function stops following. */
export function followQuery(id: string, onView: (view: QueryView) => void): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let source: EventSource | undefined;

  const stop = () => {
    stopped = true;
    source?.close();
    clearTimeout(timer);
  };
  const take = (view: QueryView) => {
    if (stopped) return;
    onView(view);
    if (isFinal(view.state)) stop();
  };
  const poll = async () => {
    try {
      take(await api.query(id));
    } catch {
      // The next poll tries again.
    }
    if (!stopped) timer = setTimeout(listen, POLL_EVERY_MS);
  };
  const listen = () => {
    source = new EventSource(api.queryEvents(id));
    source.addEventListener('query', (event) => take(JSON.parse((event as MessageEvent<string>).data) as QueryView));
    source.onerror = () => {
      source?.close();
      if (!stopped) void poll();
    };
  };
  listen();
  return stop;
}
