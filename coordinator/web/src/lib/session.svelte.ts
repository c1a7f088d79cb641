// Who is signed in. The cookie that proves it is out of reach of scripts.
import { api, Problem, whenSignedOut } from './api/client';
import { clear as clearFiles } from './api/held';
import type { Account, Role } from './api/types';

const STORED_AS = 'wi-role';
const ROLES: readonly string[] = ['analyst', 'organisation', 'dpo', 'admin'] satisfies Role[];

/** The role that read last on this device, which says how high the header will be before it is known who reads now. It opens nothing. */
function remembered(): Role | null {
  try {
    const stored = localStorage.getItem(STORED_AS);
    return stored && ROLES.includes(stored) ? (stored as Role) : null;
  } catch {
    return null;
  }
}

function remember(role: Role | null): void {
  try {
    if (role) localStorage.setItem(STORED_AS, role);
    else localStorage.removeItem(STORED_AS);
  } catch {
    // A browser that keeps nothing: the header grows once it is known who reads.
  }
}

class Session {
  readonly expected = remembered();
  account = $state<Account | null>(null);
  state = $state<'unknown' | 'signed-out' | 'signed-in' | 'failed'>('unknown');
  problem = $state.raw<Problem | null>(null);
  /** Whether the session ended by itself: `account` is then who read, whose page waits for them to sign in again. */
  isEnded = $state(false);
  #waiting: ((isBack: boolean) => void)[] = [];

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
    const isBack = this.isEnded && this.account?.name === account.name && this.account.role === account.role;
    this.account = account;
    this.state = 'signed-in';
    this.isEnded = false;
    remember(account.role);
    this.#answer(isBack);
  }

  leave(): void {
    this.account = null;
    this.state = 'signed-out';
    this.isEnded = false;
    remember(null);
    void clearFiles();
    this.#answer(false);
  }

  /** The service knows nobody any more: what was read and written stays, unseen, until it is known who comes. Tells whether it is the same reader. */
  end(): Promise<boolean> {
    if (this.account === null) {
      this.leave();
      return Promise.resolve(false);
    }
    this.state = 'signed-out';
    this.isEnded = true;
    void clearFiles();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #answer(isBack: boolean): void {
    for (const tell of this.#waiting.splice(0)) tell(isBack);
  }
}

export const session = new Session();
whenSignedOut(() => session.end());
