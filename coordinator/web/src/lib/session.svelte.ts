// Who is signed in. The cookie that proves it is out of reach of scripts.
import { api, Problem, whenSignedOut } from './api/client';
import type { Account } from './api/types';

class Session {
  account = $state<Account | null>(null);
  state = $state<'unknown' | 'signed-out' | 'signed-in' | 'failed'>('unknown');
  problem = $state.raw<Problem | null>(null);

  async load(): Promise<void> {
    this.state = 'unknown';
    try {
      const account = await api.session();
      if (account) this.enter(account);
      else this.leave();
    } catch (error) {
      if (error instanceof Problem && error.status !== 401) {
        this.problem = error;
        this.state = 'failed';
      } else {
        this.leave();
      }
    }
  }

  async signIn(name: string, password: string): Promise<void> {
    this.enter(await api.signIn(name, password));
  }

  async signOut(): Promise<void> {
    try {
      await api.signOut();
    } finally {
      this.leave();
    }
  }

  private enter(account: Account): void {
    this.account = account;
    this.state = 'signed-in';
  }

  leave(): void {
    this.account = null;
    this.state = 'signed-out';
  }
}

export const session = new Session();
whenSignedOut(() => session.leave());
