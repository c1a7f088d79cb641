// Something fetched: loading, there, or refused. A newer load makes older ones silent.
import { asProblem, type Problem } from './api/client';

export class Resource<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(false);
  #turn = 0;

  /** Whether it has come, or will not. */
  get isSettled(): boolean {
    return this.value !== null || this.problem !== null;
  }

  async load(fetcher: () => Promise<T>): Promise<void> {
    const turn = ++this.#turn;
    this.loading = true;
    this.problem = null;
    try {
      const value = await fetcher();
      if (turn === this.#turn) this.value = value;
    } catch (error) {
      if (turn === this.#turn) this.problem = asProblem(error);
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  }

  set(value: T | null): void {
    this.#turn += 1;
    this.value = value;
    this.problem = null;
    this.loading = false;
  }
}

/** Whether something was ever true: a page that waits for all it begins with comes as a whole, and what changes later changes in place. */
export function once(isTrue: () => boolean): { readonly now: boolean } {
  let happened = $state(false);
  $effect(() => {
    if (isTrue()) happened = true;
  });
  return {
    get now() {
      return happened;
    },
  };
}
