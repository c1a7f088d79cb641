//! Plans of every model against enumeration, and what a plan says of itself.

use optimise::watch::{Deadline, Unwatched};
use optimise::{Cost, Demand, Model, Plan, Problem, Program, Site, SiteStatus, Status, gap, solve};
use std::time::Duration;

/// A seeded stream of numbers.
struct Numbers(u64);

impl Numbers {
    fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn city(seed: u64, areas: usize, sites: usize, model: Model) -> Problem {
    let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..8 {
        numbers.unit();
    }
    let mut places = |n: usize| -> Vec<(f64, f64)> {
        (0..n)
            .map(|_| (40.0 * numbers.unit(), 40.0 * numbers.unit()))
            .collect()
    };
    let (homes, offers) = (places(areas), places(sites));
    let demand = (0..areas)
        .map(|at| Demand {
            id: format!("a{at}"),
            demand: (5.0 + 20.0 * numbers.unit()).round(),
            ..Demand::default()
        })
        .collect();
    let site_rows = (0..sites)
        .map(|at| Site {
            id: format!("s{at}"),
            ..Site::default()
        })
        .collect();
    let mut costs = Vec::new();
    for (i, home) in homes.iter().enumerate() {
        for (j, offer) in offers.iter().enumerate() {
            costs.push(Cost {
                from_id: format!("a{i}"),
                to_id: format!("s{j}"),
                minutes: (home.0 - offer.0).hypot(home.1 - offer.1).round(),
            });
        }
    }
    Problem::new(model, demand, site_rows, costs)
}

fn minutes(problem: &Problem, area: usize, site: usize) -> f64 {
    problem.costs[area * problem.sites.len() + site].minutes
}

/// The best value of `of` over all sets that `allowed` lets through; the larger is better if `maximise`.
fn enumerated(
    sites: usize,
    maximise: bool,
    allowed: impl Fn(&[usize]) -> bool,
    of: impl Fn(&[usize]) -> Option<f64>,
) -> Option<f64> {
    let sign = if maximise { -1.0 } else { 1.0 };
    (0_u32..1 << sites)
        .map(|set| (0..sites).filter(|j| set >> j & 1 == 1).collect::<Vec<_>>())
        .filter(|open| allowed(open))
        .filter_map(|open| of(&open))
        .min_by(|a, b| (sign * a).total_cmp(&(sign * b)))
}

#[track_caller]
fn check(problem: &Problem, optimum: Option<f64>) -> Plan {
    // Unwrap safety: the problems of these tests are written rightly.
    let plan = solve(problem, &Unwatched).unwrap();
    let Some(optimum) = optimum else {
        assert_eq!(plan.status, Status::Infeasible);
        assert!(plan.reason.is_some());
        return plan;
    };
    assert_eq!(plan.status, Status::Optimal, "{plan:?}");
    let objective = plan.objective.unwrap();
    assert!(
        (objective - optimum).abs() < 1e-4,
        "{objective} is not {optimum}"
    );
    assert!(plan.gap.unwrap() <= 1e-6);
    plan
}

fn nearest(problem: &Problem, area: usize, open: &[usize]) -> Option<f64> {
    (open.iter())
        .map(|&site| minutes(problem, area, site))
        .min_by(f64::total_cmp)
}

#[test]
fn p_median_with_negative_demand_is_optimal() {
    for seed in 0..15 {
        let mut problem = city(seed, 10, 7, Model::PMedian);
        problem.p = Some(3);
        problem.demand[2].demand = -9.0;
        problem.sites[1].status = SiteStatus::Closed;
        problem.sites[4].status = SiteStatus::Required;
        let optimum = enumerated(
            7,
            false,
            |open| open.len() == 3 && !open.contains(&1) && open.contains(&4),
            |open| {
                (0..10)
                    .map(|i| Some(problem.demand[i].demand * nearest(&problem, i, open)?))
                    .sum()
            },
        );
        let plan = check(&problem, optimum);
        assert_eq!(plan.open.len(), 3);
        assert!(plan.open.contains(&"s4".to_owned()));
        assert_eq!(plan.assignment.len(), 10);
    }
}

#[test]
fn coverage_models_are_optimal() {
    for seed in 0..15 {
        let mut problem = city(seed, 12, 8, Model::Mclp);
        problem.p = Some(2);
        problem.radius = Some(8.0);
        problem.outer_radius = Some(16.0);
        let covered = |minutes: f64| ((16.0 - minutes) / 8.0).clamp(0.0, 1.0);
        let optimum = enumerated(
            8,
            true,
            |open| open.len() == 2,
            |open| {
                (0..12)
                    .map(|i| Some(problem.demand[i].demand * covered(nearest(&problem, i, open)?)))
                    .sum()
            },
        );
        check(&problem, optimum);
        let mut problem = city(seed, 12, 8, Model::Lscp);
        problem.radius = Some(15.0);
        let optimum = enumerated(
            8,
            false,
            |open| (0..12).all(|i| nearest(&problem, i, open).is_some_and(|m| m <= 15.0)),
            |open| Some(open.len() as f64),
        );
        let plan = check(&problem, optimum);
        if optimum.is_none() {
            assert!(plan.reason.unwrap().contains("raise the radius to"));
        }
        let mut problem = city(seed, 12, 8, Model::PCenter);
        problem.p = Some(3);
        let optimum = enumerated(
            8,
            false,
            |open| open.len() == 3,
            |open| {
                (0..12)
                    .map(|i| nearest(&problem, i, open))
                    .try_fold(0.0, |most: f64, m| Some(most.max(m?)))
            },
        );
        check(&problem, optimum);
    }
}

/// The least cost of serving everybody from `open`, by a transport program of its own.
fn transported(problem: &Problem, open: &[usize]) -> Option<f64> {
    let mut program = Program::default();
    let mut at_site = vec![Vec::new(); problem.sites.len()];
    for (i, row) in problem.demand.iter().enumerate() {
        let mut served = Vec::new();
        for &j in open {
            let column = program.column(minutes(problem, i, j), 0.0, row.demand, false);
            served.push((column, 1.0));
            at_site[j].push((column, 1.0));
        }
        program.equal(served, row.demand);
    }
    for &j in open {
        program.at_most(std::mem::take(&mut at_site[j]), problem.sites[j].capacity?);
    }
    let solved = program.solve(None).ok()?;
    let fixed: f64 = open.iter().map(|&j| problem.sites[j].fixed_cost).sum();
    solved.is_optimal.then_some(solved.objective + fixed)
}

#[test]
fn warehouses_with_and_without_capacity_are_optimal() {
    for seed in 0..6 {
        let mut problem = city(seed, 7, 5, Model::Warehouse);
        let mut numbers = Numbers(seed + 99);
        for site in &mut problem.sites {
            site.fixed_cost = (100.0 * numbers.unit()).round();
        }
        let whole: f64 = problem.demand.iter().map(|row| row.demand).sum();
        let uncapacitated = enumerated(
            5,
            false,
            |open| !open.is_empty(),
            |open| {
                let fixed: f64 = open.iter().map(|&j| problem.sites[j].fixed_cost).sum();
                (0..7)
                    .map(|i| Some(problem.demand[i].demand * nearest(&problem, i, open)?))
                    .sum::<Option<f64>>()
                    .map(|travel| travel + fixed)
            },
        );
        check(&problem, uncapacitated);
        for site in &mut problem.sites {
            site.capacity = Some((whole * (0.3 + 0.2 * numbers.unit())).round());
        }
        let optimum = enumerated(5, false, |_| true, |open| transported(&problem, open));
        let plan = check(&problem, optimum);
        for row in &problem.demand {
            let served: f64 = (plan.assignment.iter())
                .filter(|a| a.id == row.id)
                .map(|a| a.share)
                .sum();
            assert!((served - 1.0).abs() < 1e-5);
        }
    }
}

#[test]
fn modules_targets_and_budget_are_obeyed() {
    let mut problem = city(5, 4, 3, Model::LocationAllocation);
    let second: Vec<Demand> = (problem.demand.iter())
        .map(|row| Demand {
            target: Some("minors".to_owned()),
            ..row.clone()
        })
        .collect();
    for row in &mut problem.demand {
        row.target = Some("elderly".to_owned());
    }
    problem.demand.extend(second);
    for (at, site) in problem.sites.iter_mut().enumerate() {
        site.capacity = Some(20.0);
        site.fixed_cost = 100.0;
        site.module_capacity = 10.0;
        site.module_cost = 30.0;
        site.modules = 4;
        if at == 0 {
            site.targets = vec!["minors".to_owned()];
        }
    }
    problem.budget = Some(300.0);
    problem.unmet_cost = Some(200.0);
    // Unwrap safety: the problem is written rightly.
    let plan = solve(&problem, &Unwatched).unwrap();
    assert_eq!(plan.status, Status::Optimal);
    assert!(plan.spent.unwrap() <= 300.0 + 1e-6);
    assert!(
        !(plan.assignment.iter()).any(|a| a.site == "s0" && a.target.as_deref() == Some("elderly"))
    );
    for site in &problem.sites {
        let modules = (plan.modules.iter())
            .find(|m| m.id == site.id)
            .map_or(0, |m| m.number);
        let open = f64::from(u8::from(plan.open.contains(&site.id)));
        let served: f64 = (plan.assignment.iter())
            .filter(|a| a.site == site.id)
            .map(|a| {
                let row = (problem.demand.iter())
                    .find(|row| row.id == a.id && row.target == a.target)
                    .unwrap();
                a.share * row.demand
            })
            .sum();
        assert!(served <= 20.0 * open + 10.0 * modules as f64 + 1e-5);
    }
    let explanation = plan.explanation.unwrap();
    assert!(explanation.marginal.iter().any(|m| m.limit == "budget"));
    problem.unmet_cost = None;
    // Unwrap safety: as above.
    let plan = solve(&problem, &Unwatched).unwrap();
    assert_eq!(plan.status, Status::Infeasible);
    let reason = plan.reason.unwrap();
    assert!(reason.contains("raise the budget from 300 to"), "{reason}");
}

/// Why there is no plan.
#[track_caller]
fn refusal(problem: &Problem) -> Plan {
    // Unwrap safety: the problems of these tests are written rightly.
    let plan = solve(problem, &Unwatched).unwrap();
    assert_eq!(plan.status, Status::Infeasible);
    plan
}

/// Two areas of 50 and 70, near the first and far from the second of two sites of 20 and 30 places.
fn tight() -> Problem {
    let mut problem = city(1, 2, 2, Model::Warehouse);
    for (row, demand) in problem.demand.iter_mut().zip([50.0, 70.0]) {
        row.demand = demand;
    }
    for (site, capacity) in problem.sites.iter_mut().zip([20.0, 30.0]) {
        site.capacity = Some(capacity);
        site.fixed_cost = 5.0;
    }
    for cost in &mut problem.costs {
        cost.minutes = if cost.to_id == "s0" { 3.0 } else { 12.0 };
    }
    problem
}

#[test]
fn too_few_places_tell_how_many_are_missing() {
    let plan = refusal(&tight());
    let reason = plan.reason.unwrap();
    assert!(
        reason.contains("leave 70.0 of the demand unserved") && !reason.contains("either"),
        "{reason}"
    );
    let relaxation = &plan.relaxations[0];
    // Engines sum in orders of their own.
    let is_told = |to: f64| (to - 70.0).abs() < 1e-9;
    assert!(relaxation.limit == "unserved" && relaxation.to.is_some_and(is_told));

    // A required site beyond the budget is a second obstacle, which no limit alone removes.
    let mut problem = tight();
    problem.sites[0].status = SiteStatus::Required;
    problem.budget = Some(3.0);
    let reason = refusal(&problem).reason.unwrap();
    assert!(
        reason.contains("raise the budget from 3 to 5") && reason.contains("and leave 100.0"),
        "{reason}"
    );
}

#[test]
fn too_small_a_radius_or_number_tells_the_smallest_that_does() {
    let mut problem = tight();
    for row in &mut problem.demand {
        row.demand = 20.0;
    }
    problem.radius = Some(5.0);
    let plan = refusal(&problem);
    let reason = plan.reason.unwrap();
    assert!(reason.contains("raise the radius from 5 to 12"), "{reason}");

    // Each of three areas reaches its own site only.
    let mut problem = city(1, 3, 3, Model::PCenter);
    problem.p = Some(1);
    (problem.costs).retain(|cost| cost.from_id[1..] == cost.to_id[1..]);
    let plan = refusal(&problem);
    assert!(plan.reason.unwrap().contains("raise p to 3"));
    assert_eq!(plan.relaxations[0].to, Some(3.0));
}

#[test]
fn max_min_lifts_the_worst_area_and_then_the_next() {
    // One site of ten places, two areas of ten, a third that the site alone cannot reach.
    let mut problem = city(1, 3, 2, Model::MaxMin);
    for row in &mut problem.demand {
        row.demand = 10.0;
    }
    problem.sites[0].capacity = Some(10.0);
    problem.sites[1].capacity = Some(4.0);
    problem.costs.retain(|cost| match cost.from_id.as_str() {
        "a2" => cost.to_id == "s1",
        _ => cost.to_id == "s0",
    });
    let plan = check(&problem, Some(0.4));
    let share = |id: &str| -> f64 {
        (plan.assignment.iter())
            .filter(|a| a.id == id)
            .map(|a| a.share)
            .sum()
    };
    assert!((share("a0") - 0.5).abs() < 1e-4 && (share("a1") - 0.5).abs() < 1e-4);
    problem.model = Model::Cvar;
    problem.tail = Some(1.0 / 3.0);
    check(&problem, Some(0.4));
    problem.tail = Some(1.0);
    check(&problem, Some(14.0 / 30.0));
}

#[test]
fn budget_allocation_buys_the_most_served() {
    let mut problem = city(2, 3, 3, Model::BudgetAllocation);
    for (at, site) in problem.sites.iter_mut().enumerate() {
        site.capacity = Some(8.0);
        site.fixed_cost = 10.0 + at as f64;
    }
    problem.budget = Some(21.5);
    let plan = check(&problem, Some(16.0));
    assert_eq!(plan.open, ["s0", "s1"]);
}

#[test]
fn a_limit_reached_is_feasible_and_a_stop_is_cancelled() {
    let mut problem = city(3, 220, 180, Model::PMedian);
    problem.p = Some(40);
    problem.draws = 0;
    problem.time_limit = Some(0.0);
    let deadline = Deadline::after(Some(Duration::ZERO));
    // Unwrap safety: the problem is written rightly.
    let plan = solve(&problem, &deadline).unwrap();
    assert_eq!(plan.status, Status::Feasible);
    assert_eq!(plan.open.len(), 40);
    assert_eq!(
        plan.gap,
        plan.bound.and_then(|bound| gap(plan.objective?, bound))
    );
    let deadline = Deadline::after(None);
    deadline.stop();
    // Unwrap safety: as above.
    assert_eq!(
        solve(&problem, &deadline).unwrap().status,
        Status::Cancelled
    );
}

#[test]
fn reasons_name_the_smallest_change() {
    let mut problem = city(4, 6, 4, Model::PMedian);
    problem.p = Some(1);
    problem.costs.retain(|cost| {
        let near = if cost.from_id.as_str() < "a3" {
            "s0"
        } else {
            "s1"
        };
        cost.to_id == near
    });
    let plan = check(&problem, None);
    assert!(plan.reason.unwrap().contains("raise p to 2"));
    problem.costs.retain(|cost| cost.from_id != "a5");
    let plan = check(&problem, None);
    assert!(
        plan.reason
            .unwrap()
            .starts_with("a5: no site that may open is reachable")
    );
    problem.sites[0].status = SiteStatus::Required;
    problem.sites[1].status = SiteStatus::Required;
    let plan = check(&problem, None);
    assert!(plan.reason.unwrap().contains("raise p to 2"));
}

#[test]
fn a_row_that_reaches_a_closed_site_is_still_served_by_an_open_one() {
    let mut problem = city(8, 5, 3, Model::PMedian);
    problem.p = Some(1);
    problem.sites[0].status = SiteStatus::Closed;
    // Area 0 reaches the closed site and one of the two others, which is the worse one for all the rest.
    let total = |site: usize| -> f64 {
        (0..5)
            .map(|i| problem.demand[i].demand * minutes(&problem, i, site))
            .sum()
    };
    let worse = if total(1) > total(2) { 1 } else { 2 };
    let optimum = total(worse);
    let better = format!("s{}", 3 - worse);
    problem
        .costs
        .retain(|cost| cost.from_id != "a0" || cost.to_id != better);
    check(&problem, Some(optimum));
}

#[test]
fn alternatives_are_the_next_best_sets() {
    let mut problem = city(6, 9, 6, Model::PMedian);
    problem.p = Some(2);
    problem.alternatives = 4;
    let mut values: Vec<f64> = Vec::new();
    for a in 0..6 {
        for b in a + 1..6 {
            values.push(
                (0..9)
                    .map(|i| problem.demand[i].demand * nearest(&problem, i, &[a, b]).unwrap())
                    .sum(),
            );
        }
    }
    values.sort_by(f64::total_cmp);
    let plan = check(&problem, Some(values[0]));
    let given: Vec<f64> = plan.alternatives.iter().map(|a| a.objective).collect();
    assert_eq!(given, values[1..5]);
    let explanation = plan.explanation.unwrap();
    assert_eq!(explanation.forced.iter().filter(|f| !f.open).count(), 2);
    assert!(explanation.marginal[0].improvement > 0.0);
}

#[test]
fn a_robust_plan_has_a_bound_and_the_same_seed_the_same_plan() {
    let mut problem = city(7, 12, 8, Model::PMedian);
    problem.p = Some(2);
    for row in &mut problem.demand {
        row.variance = 60.0;
    }
    problem.robust = Some(0.2);
    problem.draws = 40;
    // Unwrap safety: the problem is written rightly.
    let first = solve(&problem, &Unwatched).unwrap();
    let second = solve(&problem, &Unwatched).unwrap();
    assert!(first.bound.unwrap() <= first.objective.unwrap() + 1e-9);
    assert!(first.gap.unwrap() < 0.05, "{:?}", first.gap);
    assert_eq!(
        (first.open, first.objective),
        (second.open, second.objective)
    );
}

/// What covering is worth under a draw is what it covers of that draw, not the draw's uncovered taken off the estimate's whole.
#[test]
fn a_covering_is_worth_what_it_covers_of_the_true_demand() {
    let of = |radius: f64, robust: Option<f64>| {
        let mut problem = city(11, 30, 6, Model::Mclp);
        (problem.p, problem.radius, problem.robust) = (Some(2), Some(radius), robust);
        for row in &mut problem.demand {
            row.variance = 36.0;
        }
        let whole: f64 = problem.demand.iter().map(|row| row.demand).sum();
        // Unwrap safety: the problem is written rightly.
        (solve(&problem, &Unwatched).unwrap(), whole)
    };
    // Where all is covered whatever is open, only its sum is unknown: thirty rows of deviation six.
    let (plan, whole) = of(100.0, None);
    let stability = plan.stability.unwrap();
    assert_eq!(plan.objective, Some(whole));
    assert!(stability.regret.lower == 0.0 && stability.regret.upper < 1e-6);
    let (low, high) = (stability.value.lower, stability.value.upper);
    assert!(low < whole && whole < high, "{low} to {high}: {whole}");
    assert!((20.0..160.0).contains(&(high - low)), "{low} to {high}");
    let deviation = 6.0 * 30.0_f64.sqrt();
    assert!((stability.out_of_sample - whole).abs() < deviation);
    // The worst fifth of draws covers less than is expected.
    let (robust, _) = of(100.0, Some(0.2));
    let worst = robust.objective.unwrap();
    assert!(low < worst && worst < whole - 0.5 * deviation, "{worst}");
    assert!(robust.bound.unwrap() >= worst - 1e-6);
    // Where nothing is covered, nothing is under any draw.
    let (plan, _) = of(0.0, None);
    let stability = plan.stability.unwrap();
    let value = [
        plan.objective.unwrap(),
        stability.out_of_sample,
        stability.value.lower,
        stability.value.upper,
    ];
    assert!(value.iter().all(|value| value.abs() < 1e-6), "{value:?}");
}
