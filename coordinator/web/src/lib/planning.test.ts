import { describe, expect, it } from 'vitest';
import type { Plan, PublishedOffer, SiteOnMap } from './api/planning';
import type { ForecastSummary, ForecastView, ReleaseSummary } from './api/types';
import { edited, firstToPlan, forecastEdits, forecastsToPlan, frontOf, gapPercent, hiddenByNoise, isJudged, listedEdits, oftenness, ordered, placer, plannable, sitesOfOffers, verdictOf } from './planning';

const change = (gain: number | null, lower: number | null, upper: number | null) => ({ gain, lower, upper, before: 0, after: 0 });

describe('what each step brings', () => {
  const point = (budget: number, objective: number | null) => ({ p: null, budget, status: 'optimal' as const, objective, bound: objective, open: [], spent: budget });
  it('has one point a limit, also where all parts of the budget are nothing', () => {
    expect(frontOf([point(0, 5), point(0, 5), point(0, 5)]).map(({ at, value }) => [at, value])).toEqual([[0, 5]]);
    expect(frontOf([point(0, null), point(100, 5), point(200, 7)]).map(({ at }) => at)).toEqual([100, 200]);
  });
});

describe('who gains and who loses', () => {
  it('says so only where the interval is clear of zero', () => {
    expect(verdictOf(change(2, 1, 3))).toBe('gains');
    expect(verdictOf(change(-2, -3, -1))).toBe('loses');
    expect(verdictOf(change(2, -1, 5))).toBe('uncertain');
    expect(verdictOf(change(0, 0, 0))).toBe('same');
    expect(verdictOf(change(null, null, null))).toBe('uncertain');
  });
  it('shows losses first, the largest at the top', () => {
    const rows = [change(0, 0, 0), change(3, 1, 5), change(-1, -2, -0.5), change(-4, -5, -3), change(1, -1, 3)];
    expect(ordered(rows).map((row) => row.gain)).toEqual([-4, -1, 3, 1, 0]);
  });
});

describe('what is planned on', () => {
  const release = (id: string, level: string, measure: string, target?: string[]) =>
    ({ id, level, measure, released_at: `2026-01-0${id}`, query: { by: { area: level, ...(target ? { target } : {}) } } }) as unknown as ReleaseSummary;
  it('is counts by areas with a place', () => {
    const all = [release('1', 'city', 'persons'), release('2', 'nil', 'sum'), release('3', 'nil', 'persons'), release('4', 'municipio', 'events')];
    expect(plannable(all).map(({ id }) => id)).toEqual(['4', '3']);
    expect(firstToPlan(all)?.id).toBe('3');
    expect(firstToPlan([...all, release('5', 'nil', 'persons', ['alone-75-plus'])])?.id).toBe('5');
    expect(firstToPlan([])).toBeNull();
  });
  it('takes sites of one service with the places they have together', () => {
    const offers: PublishedOffer[] = [
      {
        organisation: 'a',
        sites: [{ id: '1', name: 'Uno', position: null, nil: 9 }, { id: '2', name: 'Due', position: [9.2, 45.4], nil: null }, { id: '3', name: 'Tre', position: null, nil: null }],
        services: [
          { service: 'day-care', name: 'x', capacity: 20, targets: [], sites: ['1', '3'] },
          { service: 'day-care', name: 'y', capacity: 5, targets: [], sites: ['1'] },
          { service: 'meals', name: 'z', capacity: 5, targets: [], sites: ['2'] },
        ],
      },
    ];
    expect(sitesOfOffers(offers, 'day-care')).toEqual([{ id: 'a:1', name: 'Uno', status: 'required', capacity: 25, nil: '9' }]);
    expect(sitesOfOffers(offers, 'meals')).toEqual([{ id: 'a:2', name: 'Due', status: 'required', capacity: 5, latitude: 45.4, longitude: 9.2 }]);
  });
});

describe('edits', () => {
  const site = (id: string, status: SiteOnMap['status'], capacity: number): SiteOnMap => ({ id, status, capacity, position: [9, 45] });
  it('leave sites as the server does', () => {
    const after = edited(
      [site('a', 'required', 10), site('b', 'candidate', 5), site('c', 'candidate', 1)],
      [{ edit: 'extend', site: 'a', places: 4 }, { edit: 'move', site: 'a', to: 'b' }, { edit: 'open', site: 'c' }, { edit: 'close', site: 'x' }],
    );
    expect(after.map(({ status, capacity }) => [status, capacity])).toEqual([['closed', 14], ['required', 14], ['required', 1]]);
  });
});

describe('places on the map', () => {
  it('follow straight lines through known areas', () => {
    const place = placer([{ lon: 9.0, lat: 45.4, x: 0, y: 100 }, { lon: 9.2, lat: 45.5, x: 200, y: 0 }]);
    const [x, y] = place(9.1, 45.45);
    expect(x).toBeCloseTo(100);
    expect(y).toBeCloseTo(50);
  });
});

describe('frequencies in words', () => {
  it('promise nothing that the draws do not say', () => {
    expect([100, 96, 80, 50, 5].map(oftenness)).toEqual(['always', 'nearly-always', 'mostly', 'sometimes', 'rarely']);
  });
});

describe('a plan that few draws judged', () => {
  it('is not judged by one whose interval promises nothing', () => {
    const drawn = (level: number) => ({ regret: { level, lower: 0, median: 0, upper: 0 } }) as unknown as NonNullable<Plan['stability']>;
    expect([null, drawn(0), drawn(0.33), drawn(0.9)].map(isJudged)).toEqual([false, false, true, true]);
  });
});

describe('how much worse an alternative is', () => {
  const stability = { interchangeable: [{ id: 'a', with: ['x'] }] } as unknown as NonNullable<Plan['stability']>;
  const plan = { open: ['a', 'b'], stability };
  const wanted = { model: 'p-median' as const };
  it('is hidden by the noise only where the exchange of these two sites is', () => {
    expect(hiddenByNoise(plan, ['x', 'b'], wanted)).toBe(true);
    expect(hiddenByNoise(plan, ['y', 'b'], wanted)).toBe(false);
    expect(hiddenByNoise(plan, ['a', 'x'], wanted)).toBe(false);
  });
  it('is not judged where it was not asked', () => {
    expect(hiddenByNoise(plan, ['x', 'y'], wanted)).toBeNull();
    expect(hiddenByNoise(plan, ['x', 'b'], { model: 'location-allocation' })).toBeNull();
    expect(hiddenByNoise(plan, ['x', 'b'], { ...wanted, budget: 1 })).toBeNull();
    expect(hiddenByNoise({ open: ['a'], stability: null }, ['x'], wanted)).toBeNull();
  });
});

describe('need as forecast', () => {
  const ahead = (mean: number, half: number) => ({ mean, low: [mean - half / 3, mean - half], high: [mean + half / 3, mean + half], width: { privacy: 1, process: 0, counting: 0, growth: 0 } });
  const series = (key: string, mean: number, adjusted?: number) => ({ key, past: [], ahead: [ahead(0, 1), ahead(mean, 19.6)], ...(adjusted === undefined ? {} : { adjusted: [ahead(0, 1), ahead(adjusted, 19.6)] }), backtest: [] });
  const view = { id: 'f-1', result: { levels: [50, 95], series: [series('1', 40), series('2', 60, 90), series('together', 100)] } } as unknown as ForecastView;
  const demand = [{ area: '1' }, { area: '2', target: 'alone-75-plus' }, { area: 'unknown' }];

  it('takes the period, its assumptions and its 95 in 100 interval, of areas there is a forecast of', () => {
    const edits = forecastEdits(view, 2, demand, null, 1);
    expect(edits.map((edit) => (edit.edit === 'forecast' ? [edit.area, edit.target, edit.demand] : null))).toEqual([['1', undefined, 40], ['2', 'alone-75-plus', 90]]);
    for (const edit of edits) expect(edit.edit === 'forecast' && edit.variance).toBeCloseTo(100, 2);
  });
  it('shrinks number and deviation alike where a part of the people comes', () => {
    const [edit] = forecastEdits(view, 2, demand, '1', 0.5);
    expect(edit).toMatchObject({ area: '1', demand: 20, from: 'f-1' });
    expect(edit?.edit === 'forecast' && edit.variance).toBeCloseTo(25, 2);
  });
  it('lists a forecast of many areas as one edit', () => {
    const edits = [{ edit: 'open' as const, site: 'a' }, ...forecastEdits(view, 2, demand, null, 1), { edit: 'close' as const, site: 'b' }];
    expect(listedEdits(edits).map((group) => group.length)).toEqual([1, 2, 1]);
  });
  it('offers forecasts that are done and have places, and the one asked for in any case', () => {
    const kept = (id: string, level: string, state: ForecastSummary['state']) => ({ id, state, asked_at: id, wanted: { level } }) as ForecastSummary;
    const all = [kept('1', 'nil', 'done'), kept('2', 'city', 'done'), kept('3', 'nil', 'running'), kept('4', 'municipio', 'done')];
    expect(forecastsToPlan(all).map(({ id }) => id)).toEqual(['4', '1']);
    expect(forecastsToPlan(all, '2').map(({ id }) => id)).toEqual(['4', '2', '1']);
  });
});

describe('a gap in percent', () => {
  it('is rounded up, so that it stays a bound', () => {
    expect([0, 1e-7, 0.0005, 0.01234, 0.5].map(gapPercent)).toEqual([0, 0.01, 0.05, 1.24, 50]);
  });
});
