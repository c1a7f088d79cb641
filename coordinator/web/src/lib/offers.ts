// What organisations publish of their services, counted by neighbourhood: public, exact numbers. A service with several sites counts at
// the first that lies in a neighbourhood, so that no place is counted twice.
import type { PublishedOffer } from './api/types';

export interface PlacedService {
  organisation: string;
  name: string;
  service: string | null;
  targets: string[];
  capacity: number | null;
  cost: string | null;
  served: string | null;
  site: string | null;
  address: string | null;
  nil: string | null;
}

export function servicesOf(offers: readonly PublishedOffer[]): PlacedService[] {
  return offers.flatMap(({ organisation, sites, services }) => {
    const byId = new Map(sites.map((site) => [site.id, site]));
    return services.map(({ name, service, targets, capacity, cost, served, sites: ids }) => {
      const known = ids.map((id) => byId.get(id)).filter((site) => site !== undefined);
      const site = known.find((one) => one.nil !== null) ?? known[0];
      return { organisation, name, service, targets, capacity, cost, served, site: site?.name ?? null, address: site?.address ?? null, nil: site?.nil == null ? null : String(site.nil) };
    });
  });
}

/** The kinds of services that are offered with places, the largest first. */
export function kindsOf(services: readonly PlacedService[]): string[] {
  const places = new Map<string, number>();
  for (const { service, capacity } of services) if (service !== null && capacity !== null) places.set(service, (places.get(service) ?? 0) + capacity);
  return [...places].toSorted((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([id]) => id);
}

export interface Places {
  byNil: Map<string, number>;
  /** places of sites that lie in no neighbourhood that is known */
  elsewhere: number;
  total: number;
}
export function placesOf(services: readonly PlacedService[], kind: string | null): Places {
  const found: Places = { byNil: new Map(), elsewhere: 0, total: 0 };
  for (const { service, capacity, nil } of services) {
    if (capacity === null || (kind !== null && service !== kind)) continue;
    found.total += capacity;
    if (nil === null) found.elsewhere += capacity;
    else found.byNil.set(nil, (found.byNil.get(nil) ?? 0) + capacity);
  }
  return found;
}

/** As the server takes them off counts. */
export const placesText = (places: Places): string => [...places.byNil].map(([nil, count]) => `${nil}:${count}`).join(',');

/** The kind of service that says it is for a group, if there is one: what an overview opens with. */
export function serviceFor(target: string, services: readonly PlacedService[]): string | null {
  const fitting = services.filter((one) => one.targets.includes(target));
  return kindsOf(fitting)[0] ?? null;
}
