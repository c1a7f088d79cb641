// What a privacy loss means for one person, in numbers people can weigh. Pure.

/** The standard normal distribution function, to 1e-7 (Abramowitz and Stegun, 26.2.17). */
export function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x >= 0 ? 1 - tail : tail;
}

/** Where the standard normal distribution function is 0.05. */
const AT_FIVE_PERCENT = -1.6448536269514722;

/**
 * Of 100 persons who are in the registers, at most so many an attacker recognises who knows everything else and wrongly accuses 5 of
 * 100 who are not. For Gaussian noise of total loss `rho` the best test has power Phi(Phi^-1(0.05) + sqrt(2 rho)) (Dong, Roth and Su
 * 2022, theorem 2.7 and corollary 3.3); the noise here is its integer form, which differs by less than is shown.
 */
export function recognisedInHundred(rhoNano: number): number {
  return 100 * normalCdf(AT_FIVE_PERCENT + Math.sqrt((2 * rhoNano) / 1e9));
}

/**
 * Somebody holds a person's presence for as likely as not. After all answers of total loss `rho` they hold it for at most so many per
 * cent likely, but for a chance of `delta`: the loss exceeds rho + 2 sqrt(rho ln(1/delta)) no oftener (Bun and Steinke 2016,
 * proposition 1.3).
 */
export function surestPercent(rhoNano: number, delta: number): number {
  const rho = rhoNano / 1e9;
  const most = rho + 2 * Math.sqrt(rho * Math.log(1 / delta));
  return 100 / (1 + Math.exp(-most));
}
