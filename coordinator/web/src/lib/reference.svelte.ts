// What every page needs to name things: geography, taxonomy, organisations, fetched once after sign-in; and the outlines, which are
// large, once a map asks for them.
import { api } from './api/client';
import type { Geography, NodeInfo, Query, Taxonomy } from './api/types';
import { areaNames } from './areas';
import type { Words } from './describe';
import { serviceName, sexName, targetName } from './describe';
import { project } from './geometry';
import { isKey, type Translate } from './i18n/catalogue';
import { language, t } from './i18n/language.svelte';
import { levelsOf } from './levels';
import { binName } from './measures';
import { formatPeriod } from './periods';
import { Resource } from './resource.svelte';

/** A word of a closed vocabulary; one the catalogue lacks stands for itself. */
function wordOf(family: string, id: string, translate: Translate): string {
  const key = `${family}.${id}`;
  return isKey(key) ? translate(key) : id;
}

class Reference {
  geography = new Resource<Geography>();
  taxonomy = new Resource<Taxonomy>();
  nodes = new Resource<NodeInfo[]>();
  #outlines = new Resource<ReturnType<typeof project>>();
  #isDrawn = false;
  #drawnFrom: string | null = null;

  async load(): Promise<void> {
    await Promise.all([
      this.taxonomy.load(api.taxonomy),
      this.nodes.load(api.nodes),
      this.geography.load(api.geography).then(() => (this.#isDrawn ? this.#loadOutlines() : undefined)),
    ]);
  }

  /** Fetches the outlines where their address is known and they are not there, nor on their way. */
  async #loadOutlines(): Promise<void> {
    const url = this.geography.value?.outlines_url;
    if (url === undefined || (url === this.#drawnFrom && this.#outlines.problem === null)) return;
    this.#drawnFrom = url;
    await this.#outlines.load(async () => project(await api.outlines(url)));
  }

  /** The outlines as they are drawn; being asked for begins to fetch them. */
  get outlines(): Resource<ReturnType<typeof project>> {
    if (!this.#isDrawn) {
      this.#isDrawn = true;
      // Not while something is derived from them: what changes state waits its turn.
      queueMicrotask(() => void this.#loadOutlines());
    }
    return this.#outlines;
  }

  /** Whether areas can be drawn, or will not be. */
  get isDrawingSettled(): boolean {
    return this.outlines.isSettled || this.geography.problem !== null;
  }

  get words(): Words {
    return { t, language: language.current, taxonomy: this.taxonomy.value };
  }

  // Made once for all areas: a table sorts by name, which asks for each many times.
  #areas = $derived(areaNames(this.geography.value, t));

  areaName(level: string, key: string): string {
    return this.#areas.name(level, key);
  }

  nodeName(id: string): string {
    return this.nodes.value?.find((node) => node.id === id)?.name ?? id;
  }

  /** The name of a key of any dimension of a query's answer. */
  keyName(dimension: string, key: string, query: Pick<Query, 'by' | 'quantity'>): string {
    switch (dimension) {
      case 'area':
        return this.areaName(levelsOf(query.by.area).at(-1) ?? '', key);
      case 'target':
        return targetName(key, this.words);
      case 'sex':
        return sexName(key, t);
      case 'age_band':
        return key === 'unknown' ? t('age.unknown') : t('age.years', { band: key.replace('-', '–') });
      case 'service':
        return serviceName(key, this.words);
      case 'citizenship':
        return wordOf('citizenship', key, t);
      case 'household':
        return wordOf('household', key, t);
      case 'bin':
        return binName(key, query.quantity ?? 'amount', language.current, t);
      case 'period':
        return formatPeriod(key, language.current, 'long');
      default:
        return key;
    }
  }
}

export const reference = new Reference();
