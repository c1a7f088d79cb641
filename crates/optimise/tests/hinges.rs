//! What a plan says beside its sites, against solving again: each point of the front, what one more site, place or 10,000 euro is
//! worth, and what forcing a site costs.

use optimise::watch::Unwatched;
use optimise::{Cost, Demand, Model, Plan, Problem, Site, SiteStatus, Status, solve};

/// A city on a line, its numbers odd enough that no two plans are equally good.
fn city(model: Model, areas: usize, sites: usize) -> Problem {
    let demand = (0..areas)
        .map(|at| Demand {
            id: format!("a{at}"),
            demand: 5.0 + (at * at * 37 % 53) as f64 / 3.1,
            ..Demand::default()
        })
        .collect();
    let offers = (0..sites)
        .map(|at| Site {
            id: format!("s{at}"),
            ..Site::default()
        })
        .collect();
    let costs = (0..areas)
        .flat_map(|home| {
            (0..sites).map(move |site| Cost {
                from_id: format!("a{home}"),
                to_id: format!("s{site}"),
                minutes: ((home * 31 % 47) as f64 - (site * 29 % 43) as f64).abs()
                    + 0.1 * site as f64,
            })
        })
        .collect();
    let mut problem = Problem::new(model, demand, offers, costs);
    problem.explain = false;
    problem
}

fn with_places(model: Model) -> Problem {
    let mut problem = city(model, 9, 6);
    for (at, site) in problem.sites.iter_mut().enumerate() {
        site.capacity = Some(31.7 + 2.3 * at as f64);
        site.fixed_cost = 9_000.0 + 700.0 * at as f64;
        (site.modules, site.module_capacity, site.module_cost) = (1, 7.9, 4_100.0);
    }
    problem.budget = Some(31_000.0);
    problem.unmet_cost = Some(80.0);
    problem
}

/// The problem with one site opened or closed in any case.
fn with_forced(problem: &Problem, id: &str, open: bool) -> Problem {
    let mut forced = problem.clone();
    for site in forced.sites.iter_mut().filter(|site| site.id == id) {
        site.status = if open {
            SiteStatus::Required
        } else {
            SiteStatus::Closed
        };
    }
    forced
}

/// The best plan, proven.
#[track_caller]
fn best(problem: &Problem) -> Plan {
    // Unwrap safety: the problems of these tests are written rightly.
    let plan = solve(problem, &Unwatched).unwrap();
    assert_eq!(plan.status, Status::Optimal);
    plan
}

#[track_caller]
fn objective(problem: &Problem) -> f64 {
    // Unwrap safety: a proven plan has an objective.
    best(problem).objective.unwrap()
}

/// Up to what proofs leave open, which is in proportion to the objective and not to a difference of two.
#[track_caller]
fn same(told: f64, again: f64, objective: f64) {
    assert!(
        (told - again).abs() <= 5e-6 * (1.0 + objective.abs()),
        "told {told}, solved again {again}"
    );
}

#[test]
fn the_front_is_the_best_plan_of_each_step() {
    let mut by_number = city(Model::PMedian, 14, 8);
    by_number.p = Some(5);
    by_number.sites[3].status = SiteStatus::Required;
    by_number.sites[6].status = SiteStatus::Required;
    let mut by_budget = with_places(Model::BudgetAllocation);
    by_budget.budget = Some(60_000.0);
    for mut problem in [by_number, by_budget] {
        problem.front = true;
        let front = best(&problem).front;
        let numbers: Vec<_> = front.iter().filter_map(|point| point.p).collect();
        if problem.budget.is_none() {
            assert_eq!(numbers, [2, 3, 4, 5], "fewer than are required cannot be");
        } else {
            assert_eq!(front.len(), 10);
        }
        problem.front = false;
        for point in front {
            (problem.p, problem.budget) = (point.p, point.budget);
            assert_eq!(point.status, Status::Optimal);
            let again = objective(&problem);
            same(point.objective.unwrap(), again, again);
            assert!(point.spent.unwrap_or(0.0) <= point.budget.unwrap_or(0.0) + 1e-6);
        }
    }
}

#[test]
fn one_more_site_and_forced_sites_are_worth_what_solving_again_says() {
    let mut problem = city(Model::PMedian, 14, 8);
    (problem.p, problem.explain) = (Some(3), true);
    let plan = best(&problem);
    // Unwrap safety: it was asked for.
    let explanation = plan.explanation.unwrap();
    let value = plan.objective.unwrap();
    problem.explain = false;
    assert_eq!(explanation.forced.len(), 8, "every site is asked about");
    for forced in &explanation.forced {
        let asked = with_forced(&problem, &forced.id, forced.open);
        same(forced.worsening.unwrap(), objective(&asked) - value, value);
    }
    problem.p = Some(4);
    same(
        explanation.marginal[0].improvement,
        value - objective(&problem),
        value,
    );
}

#[test]
fn a_place_and_ten_thousand_euro_are_worth_what_solving_again_says() {
    let mut problem = with_places(Model::LocationAllocation);
    problem.explain = true;
    let plan = best(&problem);
    // Unwrap safety: it was asked for.
    let explanation = plan.explanation.clone().unwrap();
    let value = plan.objective.unwrap();
    problem.explain = false;
    let mut of_places = 0;
    for marginal in &explanation.marginal {
        let mut more = problem.clone();
        if marginal.limit == "budget" {
            more.budget = problem.budget.map(|budget| budget + marginal.more);
            same(marginal.improvement, value - objective(&more), value);
            continue;
        }
        of_places += 1;
        // A dual holds for a small step with the sites as they are, and no further.
        let step = 1e-3;
        for site in &mut more.sites {
            site.status = if plan.open.contains(&site.id) {
                SiteStatus::Required
            } else {
                SiteStatus::Closed
            };
            if marginal.limit == format!("capacity of {}", site.id) {
                site.capacity = site.capacity.map(|places| places + step);
            }
        }
        let gained = (value - objective(&more)) / step;
        assert!(
            (marginal.improvement - gained).abs() < 0.05,
            "{}: told {}, solved again {gained}",
            marginal.limit,
            marginal.improvement
        );
    }
    // microlp has no duals to give.
    assert!(
        of_places > 0 || optimise::ENGINE == "microlp",
        "a site is full"
    );
    // Questions beyond two seconds are left out, so there may be fewer than there are sites.
    for forced in explanation.forced {
        let asked = with_forced(&problem, &forced.id, forced.open);
        match forced.worsening {
            Some(worsening) => same(worsening, objective(&asked) - value, value),
            None => assert_eq!(
                solve(&asked, &Unwatched).map(|plan| plan.status).ok(),
                Some(Status::Infeasible)
            ),
        }
    }
}
