// Where sites stand on the map: at their own position, or in the middle of their neighbourhood as it is drawn.
import type { SiteOnMap } from './api/planning';
import type { Geography } from './api/types';
import type { project } from './geometry';
import { placer } from './planning';

export type MarkerKind = 'open' | 'new' | 'closed' | 'candidate';
export interface Marker {
  id: string;
  x: number;
  y: number;
  kind: MarkerKind;
  label: string;
}

export function markersOf(
  sites: readonly SiteOnMap[],
  projected: ReturnType<typeof project>,
  geography: Geography,
  kindOf: (site: SiteOnMap) => MarkerKind | null,
): Marker[] {
  const centre = new Map(projected.map(({ nil, centre }) => [nil, centre]));
  const known = geography.areas.flatMap((area) => {
    const at = centre.get(String(area.nil));
    return at ? [{ lon: area.centroid[0], lat: area.centroid[1], x: at[0], y: at[1] }] : [];
  });
  const place = placer(known);
  const rank: Record<MarkerKind, number> = { candidate: 0, closed: 1, open: 2, new: 3 };
  return sites
    .flatMap((site): Marker[] => {
      const kind = kindOf(site);
      if (kind === null) return [];
      const own = site.latitude !== undefined;
      const [lon = 0, lat = 0] = site.position;
      const [x, y] = (own ? undefined : centre.get(site.nil ?? '')) ?? place(lon, lat);
      return [{ id: site.id, x, y, kind, label: site.name ?? site.id }];
    })
    .toSorted((a, b) => rank[a.kind] - rank[b.kind]);
}
