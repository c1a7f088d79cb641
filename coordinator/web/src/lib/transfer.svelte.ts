// One file on its way, as a page shows it: not begun, waited for, moving, called off.
import { asProblem, type Problem } from './api/client';
import type { Watch } from './api/files';

export class Transfer {
  /** `waiting`: begun, and nothing has moved yet, or all has and the answer is waited for. */
  stage = $state<'idle' | 'waiting' | 'moving' | 'cancelled'>('idle');
  done = $state(0);
  all = $state<number | null>(null);
  problem = $state.raw<Problem | null>(null);
  #stop: AbortController | null = null;

  get isRunning(): boolean {
    return this.stage === 'waiting' || this.stage === 'moving';
  }

  /** What the work made, or null where it was called off or failed; `problem` then says why. One at a time. */
  async run<T>(work: (watch: Watch) => Promise<T>): Promise<T | null> {
    if (this.isRunning) return null;
    const stop = new AbortController();
    this.#stop = stop;
    this.stage = 'waiting';
    this.done = 0;
    this.all = null;
    this.problem = null;
    const report = (done: number, all: number | null) => {
      this.done = done;
      this.all = all;
      this.stage = done > 0 && done !== all ? 'moving' : 'waiting';
    };
    try {
      const made = await work({ report, signal: stop.signal });
      this.stage = 'idle';
      return made;
    } catch (error) {
      this.stage = stop.signal.aborted ? 'cancelled' : 'idle';
      if (!stop.signal.aborted) this.problem = asProblem(error);
      return null;
    }
  }

  cancel(): void {
    this.#stop?.abort();
  }
}
