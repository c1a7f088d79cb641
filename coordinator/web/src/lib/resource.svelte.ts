// Something fetched: loading, there, or refused. A newer load makes older ones silent.
import { asProblem, type Problem } from './api/client';

export class Resource<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(false);
  #turn = 0;

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
