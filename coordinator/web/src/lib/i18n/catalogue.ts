// One catalogue per language with the same keys, fetched when the language is first used; codes of the server are rendered here, with a
// fallback that shows the code.
import type { Language } from '../format';
import type { it } from './it';

export type Key = keyof typeof it;
export type Params = Readonly<Record<string, unknown>>;
export type Translate = (key: Key, params?: Params) => string;

type Catalogue = Readonly<Record<Key, string>>;

const FETCH: Record<Language, () => Promise<Catalogue>> = {
  it: async () => (await import('./it')).it,
  en: async () => (await import('./en')).en,
};
const fetched = new Map<Language, Catalogue>();

/** Makes a language usable: nothing is shown in it before. */
export async function loadCatalogue(language: Language): Promise<void> {
  if (!fetched.has(language)) fetched.set(language, await FETCH[language]());
}

/** `{count}` becomes its value, `{count|day|days}` the word that goes with it. */
function fill(text: string, params: Params): string {
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
    if (!(name in params)) return whole;
    const value = String(params[name]);
    if (one === undefined || many === undefined) return value;
    return value === '1' ? one : many;
  });
}

export function translator(language: Language): Translate {
  return (key, params = {}) => fill(fetched.get(language)?.[key] ?? key, params);
}

/** Whether there is a text of this key; all languages have the same. */
export function isKey(key: string): key is Key {
  const [any] = fetched.values();
  return any !== undefined && Object.hasOwn(any, key);
}

/** The text of a server's code in a family (`problem`, `rule`, `log` ...); the family's fallback names the code. */
export function codeText(t: Translate, family: 'problem' | 'rule' | 'log' | 'kind' | 'mechanism' | 'noise' | 'purpose', code: string, params: Params = {}): string {
  const key = `${family}.${code}`;
  return isKey(key) ? t(key, params) : t(`${family}.fallback`, { ...params, code });
}

/** A refusal in words; where its field has a text of its own, that. */
export function problemText(t: Translate, { code, params, path }: { code: string; params: Params; path?: string | undefined }): string {
  const field = path?.match(/(\w+)(?:\[\d+\])*$/)?.[1];
  const own = `problem.${code}-${field}`;
  return isKey(own) ? t(own, params) : codeText(t, 'problem', code, params);
}

/** What stands in a rule's place where a node refused by itself; the policy has no such rule to be looked up. */
const OWN_RULES = ['request', 'study', 'edition', 'ledger'];

/** Why an organisation refused: the reason in words, with the rule and field that decided. */
export function refusalText(t: Translate, refusal: { rule?: string | null; field?: string | null; code?: string | null }): string {
  const { rule, field, code } = refusal;
  if (!rule) return '';
  if (code === 'cap-exceeded' && field && isKey(`rule.cap-exceeded-${field}`)) return codeText(t, 'rule', `${code}-${field}`);
  const reason = codeText(t, 'rule', code ?? rule);
  if (OWN_RULES.includes(rule)) return reason;
  return code && field ? t('rule.reason', { reason, rule, field }) : reason;
}
