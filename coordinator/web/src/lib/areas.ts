// Names of public areas at each level, in the reader's language.
import type { AreaFacts, Geography } from './api/types';
import { readableName } from './format';
import type { Translate } from './i18n/catalogue';

export interface AreaNames {
  name: (level: string, key: string) => string;
}

export function areaNames(geography: Geography | null, t: Translate): AreaNames {
  const byNil = new Map<string, AreaFacts>();
  for (const area of geography?.areas ?? []) byNil.set(String(area.nil), area);
  const nilName = (nil: string) => {
    const facts = byNil.get(nil);
    return facts ? readableName(facts.name) : t('area.nil', { nil });
  };
  return {
    name: (level, key) => {
      if (key === 'unknown') return t('area.unknown');
      if (level === 'nil') return nilName(key);
      if (level === 'municipio') return t('area.municipio', { number: key });
      if (level === 'city') return key === 'milano' ? 'Milano' : key;
      const [nil = key, municipio] = key.split('.');
      if (municipio === undefined) return nilName(nil);
      if (municipio === '0') return t('area.piece-unknown', { name: nilName(nil) });
      return (byNil.get(nil)?.municipi.length ?? 1) > 1 ? t('area.piece', { name: nilName(nil), number: municipio }) : nilName(nil);
    },
  };
}
