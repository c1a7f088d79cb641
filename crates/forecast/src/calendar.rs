//! What the calendar alone explains of monthly counts: working days that come and go with weekends, Italian public holidays and
//! Easter, and nothing else. August is the season's, which knows it; a shut service shows there, not here.
//!
//! The effect is estimated from differences over a year, which take level and season out, weighed by what is known of their noise,
//! and is used only where it stands out. It is removed before a series is fitted and put back afterwards; no value is lost.

use crate::borrow::Prior;
use crate::combine::{Forecast, forecast};
use crate::series::{ForecastError, Season, Series};
use jiff::civil::{Date, Weekday};

/// An effect that is not this many standard errors away from none is taken for none: then a series without one is changed in
/// fewer than three of a thousand cases.
const LEAST_DEVIATIONS: f64 = 3.0;

/// What one working day more adds to a month, as a part of the level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalendarEffect {
    /// Added per working day, in units of the values.
    pub per_day: f64,
    /// Its standard error.
    pub error: f64,
}

/// The months of a series, so that their working days are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Months {
    /// Months since year 0 of the first value.
    first: i32,
}

impl Months {
    /// From the year and month of the first value; `None` for what is no month.
    pub fn try_new(year: i16, month: i8) -> Option<Self> {
        Date::new(year, month, 1).ok()?;
        Some(Self {
            first: i32::from(year) * 12 + i32::from(month) - 1,
        })
    }

    /// Working days of a period, counted from zero, less those the same month has on average over 28 years, in which weekdays
    /// repeat themselves: what differs from year to year. Zero beyond the years a date can have.
    pub fn surplus(self, period: usize) -> f64 {
        let month = self.first + i32::try_from(period).unwrap_or(i32::MAX / 2);
        let (year, of_year) = (month.div_euclid(12), (month.rem_euclid(12) + 1) as i8);
        let days = |year: i32| {
            i16::try_from(year)
                .ok()
                .and_then(|year| working_days(year, of_year))
        };
        let Some(own) = days(year) else { return 0.0 };
        let around: Vec<f64> = (year - 14..year + 14).filter_map(days).collect();
        own - around.iter().sum::<f64>() / around.len().max(1) as f64
    }
}

/// Days of a month from Monday to Friday that are no Italian public holiday.
pub fn working_days(year: i16, month: i8) -> Option<f64> {
    let first = Date::new(year, month, 1).ok()?;
    let easter_monday = easter(year)?.tomorrow().ok()?;
    let working = |day: &Date| {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
            && !FIXED_HOLIDAYS.contains(&(day.month(), day.day()))
            && *day != easter_monday
    };
    let days = (1..=first.days_in_month()).filter_map(|day| Date::new(year, month, day).ok());
    Some(days.filter(working).count() as f64)
}

/// Italian public holidays on a fixed date, and Milan's patron, Saint Ambrose (law 260 of 1949 with its amendments). The fourth of
/// October is one again from 2026 on (law 151 of 2025), and is left to the season.
const FIXED_HOLIDAYS: [(i8, i8); 11] = [
    (1, 1),
    (1, 6),
    (4, 25),
    (5, 1),
    (6, 2),
    (8, 15),
    (11, 1),
    (12, 7),
    (12, 8),
    (12, 25),
    (12, 26),
];

/// Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher).
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let sum = h + l - 7 * m + 114;
    Date::new(year, (sum / 31) as i8, (sum % 31 + 1) as i8).ok()
}

impl CalendarEffect {
    /// The effect in a monthly series; `None` where it has no season of months, is too short, or shows none.
    pub fn estimate(series: &Series, months: Months) -> Option<Self> {
        if series.season() != Season::Months {
            return None;
        }
        let values = series.values();
        let noise = |period: usize| series.privacy().map_or(0.0, |privacy| privacy[period]);
        let pairs: Vec<(f64, f64, f64)> = (12..values.len())
            .filter(|&period| series.comparable(period - 12, period))
            .map(|period| {
                let change = values[period] - values[period - 12];
                let days = months.surplus(period) - months.surplus(period - 12);
                (days, change, noise(period) + noise(period - 12))
            })
            .filter(|(_, change, _)| !change.is_nan())
            .collect();
        let count = pairs.len();
        if count < 24 {
            return None;
        }
        // What differs over a year beyond its known noise is the series' own; its variance is that of a first fit.
        let mean =
            |of: &dyn Fn(&(f64, f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count as f64;
        let (days, change) = (mean(&|pair| pair.0), mean(&|pair| pair.1));
        let square = mean(&|pair| (pair.1 - change).powi(2));
        let known = mean(&|pair| pair.2);
        let own = (square - known).max(0.05 * square);
        let weight = |pair: &(f64, f64, f64)| 1.0 / (own + pair.2).max(f64::MIN_POSITIVE);
        let information: f64 = pairs
            .iter()
            .map(|pair| weight(pair) * (pair.0 - days).powi(2))
            .sum();
        if !(information > 0.0 && information.is_finite()) {
            return None;
        }
        let moved: f64 = pairs
            .iter()
            .map(|pair| weight(pair) * (pair.0 - days) * (pair.1 - change))
            .sum();
        // Neighbouring differences share what the level did, so their errors count as if there were half as many.
        let found = Self {
            per_day: moved / information,
            error: (2.0 / information).sqrt(),
        };
        (found.per_day.abs() > LEAST_DEVIATIONS * found.error).then_some(found)
    }

    /// The series without the effect.
    ///
    /// # Errors
    /// None that the series itself did not have.
    pub fn remove(self, series: &Series, months: Months) -> Result<Series, ForecastError> {
        let values = series.values().iter().enumerate();
        let values = values
            .map(|(period, value)| value - self.of(months, period))
            .collect();
        let removed = Series::try_new(
            values,
            series.privacy().map(<[f64]>::to_vec),
            series.season(),
            series.kind(),
        )?;
        Ok(removed.with_breaks(series.breaks()))
    }

    /// What the calendar adds in a period, counted from the first of the series; periods to come have higher numbers.
    pub fn of(self, months: Months, period: usize) -> f64 {
        self.per_day * months.surplus(period)
    }
}

/// A forecast that knows the working days of the months to come, and the effect it found; as [`forecast`] where it finds none.
///
/// # Errors
/// As [`forecast`].
pub fn forecast_on_calendar(
    series: &Series,
    horizon: usize,
    prior: &Prior,
    months: Months,
) -> Result<(Forecast, Option<CalendarEffect>), ForecastError> {
    let Some(effect) = CalendarEffect::estimate(series, months) else {
        return Ok((forecast(series, horizon, prior)?, None));
    };
    let past = series.values().len();
    let ahead = forecast(&effect.remove(series, months)?, horizon, prior)?;
    let least = if ahead.non_negative() {
        0.0
    } else {
        f64::NEG_INFINITY
    };
    let centre = (ahead.centre().iter().enumerate())
        .map(|(step, centre)| (centre + effect.of(months, past + step)).max(least))
        .collect();
    Ok((ahead.around(centre), Some(effect)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Kind;

    fn months() -> Months {
        Months::try_new(2018, 1).unwrap()
    }

    /// Noise that is the same in every run, of about this deviation.
    fn noise(period: usize, deviation: f64) -> f64 {
        let mut x = (period as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let uniform = ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        (uniform - 0.5) * deviation * 12.0_f64.sqrt()
    }

    fn series(per_day: f64, deviation: f64) -> Series {
        let values = (0..84)
            .map(|period| {
                let season = 30.0 * (std::f64::consts::TAU * (period % 12) as f64 / 12.0).sin();
                400.0 + season + per_day * months().surplus(period) + noise(period, deviation)
            })
            .collect();
        Series::try_new(
            values,
            Some(vec![deviation * deviation; 84]),
            Season::Months,
            Kind::Counts,
        )
        .unwrap()
    }

    #[test]
    fn easter_and_working_days_are_those_of_the_calendar() {
        let sundays = [
            (2000, 4, 23),
            (2019, 4, 21),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
        ];
        for (year, month, day) in sundays {
            assert_eq!(easter(year), Date::new(year, month, day).ok());
        }
        // Twenty-two weekdays less Easter Monday and the day of liberation.
        assert_eq!(working_days(2025, 4), Some(20.0));
        // Twenty-one weekdays less Assumption, a Friday.
        assert_eq!(working_days(2025, 8), Some(20.0));
        assert_eq!(working_days(2025, 13), None);
        assert_eq!(Months::try_new(2025, 0), None);
    }

    #[test]
    fn surpluses_are_what_differs_from_year_to_year() {
        for of_year in 0..12 {
            let mean: f64 = (0..28)
                .map(|year| months().surplus(of_year + 12 * year))
                .sum::<f64>()
                / 28.0;
            assert!(mean.abs() < 0.3, "{of_year}: {mean}");
        }
        assert!((0..24).any(|period| months().surplus(period).abs() > 0.5));
    }

    #[test]
    fn an_effect_is_found_removed_and_put_back() {
        let noisy = series(9.0, 4.0);
        let found = CalendarEffect::estimate(&noisy, months()).unwrap();
        assert!((found.per_day - 9.0).abs() < 4.0 * found.error, "{found:?}");
        let without = found.remove(&noisy, months()).unwrap();
        for (period, (value, rest)) in noisy.values().iter().zip(without.values()).enumerate() {
            assert!((value - rest - found.of(months(), period)).abs() < 1e-9);
        }
        assert_eq!(CalendarEffect::estimate(&without, months()), None);
    }

    #[test]
    fn months_to_come_are_forecast_with_their_working_days() {
        let whole = series(9.0, 3.0);
        let past = whole.until(72).unwrap();
        let error = |ahead: &Forecast| -> f64 {
            ahead
                .centre()
                .iter()
                .zip(&whole.values()[72..])
                .map(|(a, b)| (a - b).abs())
                .sum()
        };
        let (on, effect) = forecast_on_calendar(&past, 12, &Prior::default(), months()).unwrap();
        let off = forecast(&past, 12, &Prior::default()).unwrap();
        assert!(effect.is_some());
        assert!(
            error(&on) < 0.7 * error(&off),
            "{} {}",
            error(&on),
            error(&off)
        );
        let plain = series(0.0, 8.0);
        let (same, none) = forecast_on_calendar(&plain, 12, &Prior::default(), months()).unwrap();
        let plain = forecast(&plain, 12, &Prior::default()).unwrap();
        assert_eq!((none, same.centre()), (None, plain.centre()));
    }

    #[test]
    fn without_an_effect_without_months_or_without_years_nothing_is_found() {
        assert_eq!(CalendarEffect::estimate(&series(0.0, 8.0), months()), None);
        let short = series(9.0, 1.0).until(30).unwrap();
        assert_eq!(CalendarEffect::estimate(&short, months()), None);
        let quarters =
            Series::try_new(vec![1.0; 60], None, Season::Quarters, Kind::Amounts).unwrap();
        assert_eq!(CalendarEffect::estimate(&quarters, months()), None);
    }
}
