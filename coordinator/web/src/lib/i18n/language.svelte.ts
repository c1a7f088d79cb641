// The language in use: remembered on this device, written into the document so that readers aloud pronounce it right.
import type { Language } from '../format';
import { loadCatalogue, translator, type Key, type Params } from './catalogue';

const STORED_AS = 'wi-language';

function initial(): Language {
  try {
    const stored = localStorage.getItem(STORED_AS);
    if (stored === 'it' || stored === 'en') return stored;
  } catch {
    // A browser that keeps nothing still has a language.
  }
  return navigator.language.toLowerCase().startsWith('it') ? 'it' : navigator.language ? 'en' : 'it';
}

class LanguageState {
  current = $state<Language>(initial());
  #wanted: Language = this.current;

  /** Changes the language once its texts are there; where they cannot be fetched, it stays as it is. */
  async choose(language: Language): Promise<void> {
    this.#wanted = language;
    try {
      await loadCatalogue(language);
    } catch {
      return;
    }
    // Another was chosen while this one was on its way.
    if (this.#wanted !== language) return;
    this.current = language;
    document.documentElement.lang = language;
    try {
      localStorage.setItem(STORED_AS, language);
    } catch {
      // Not remembered, still chosen.
    }
  }
}

export const language = new LanguageState();
document.documentElement.lang = language.current;

const translate = { it: translator('it'), en: translator('en') };

/** The text of a key in the language in use; reactive wherever it is read. */
export const t = (key: Key, params?: Params): string => translate[language.current](key, params);
