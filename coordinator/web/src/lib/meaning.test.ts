import { describe, expect, it } from 'vitest';
import { normalCdf, recognisedInHundred, surestPercent } from './meaning';

describe('what a loss means', () => {
  it('knows the normal distribution', () => {
    expect(normalCdf(0)).toBeCloseTo(0.5, 6);
    expect(normalCdf(1.959964)).toBeCloseTo(0.975, 6);
    expect(normalCdf(-1.6448536)).toBeCloseTo(0.05, 6);
  });
  it('recognises no better than by chance where nothing was lost, and better with each loss', () => {
    expect(recognisedInHundred(0)).toBeCloseTo(5, 4);
    // Phi(-1.6449 + 1) at rho 0.5.
    expect(recognisedInHundred(500_000_000)).toBeCloseTo(25.95, 1);
    expect(recognisedInHundred(2_000_000_000)).toBeGreaterThan(recognisedInHundred(1_000_000_000));
  });
  it('leaves even odds even where nothing was lost, and never reaches certainty', () => {
    expect(surestPercent(0, 1e-6)).toBe(50);
    // 0.05 + 2 sqrt(0.05 ln 1e6) = 1.712.
    expect(surestPercent(50_000_000, 1e-6)).toBeCloseTo(84.7, 1);
    expect(surestPercent(500_000_000, 1e-6)).toBeLessThan(100);
  });
});
