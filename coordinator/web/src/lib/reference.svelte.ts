// What every page needs to name things: geography, outlines, taxonomy, organisations. Fetched once after sign-in.
import { api } from './api/client';
import type { Geography, NodeInfo, Taxonomy } from './api/types';
import { areaNames } from './areas';
import type { Words } from './describe';
import { sexName, targetName } from './describe';
import { project } from './geometry';
import { language, t } from './i18n/language.svelte';
import { formatPeriod } from './periods';
import { Resource } from './resource.svelte';

class Reference {
  geography = new Resource<Geography>();
  outlines = new Resource<ReturnType<typeof project>>();
  taxonomy = new Resource<Taxonomy>();
  nodes = new Resource<NodeInfo[]>();

  async load(): Promise<void> {
    await Promise.all([
      this.taxonomy.load(api.taxonomy),
      this.nodes.load(api.nodes),
      this.geography.load(api.geography).then(() => {
        const url = this.geography.value?.outlines_url;
        return url === undefined ? undefined : this.outlines.load(async () => project(await api.outlines(url)));
      }),
    ]);
  }

  get words(): Words {
    return { t, language: language.current, taxonomy: this.taxonomy.value };
  }

  areaName(level: string, key: string): string {
    return areaNames(this.geography.value, t).name(level, key);
  }

  nodeName(id: string): string {
    return this.nodes.value?.find((node) => node.id === id)?.name ?? id;
  }

  /** The name of a key of any dimension. */
  keyName(dimension: string, key: string, level: string): string {
    switch (dimension) {
      case 'area':
        return this.areaName(level, key);
      case 'target':
        return targetName(key, this.words);
      case 'sex':
        return sexName(key, t);
      case 'age_band':
        return key === 'unknown' ? t('age.unknown') : t('age.years', { band: key.replace('-', '–') });
      case 'period':
        return formatPeriod(key, language.current, 'long');
      default:
        return key;
    }
  }
}

export const reference = new Reference();
