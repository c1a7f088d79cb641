use super::*;

fn problem() -> Problem {
    let demand = ["a", "b"].map(|id| Demand {
        id: id.to_owned(),
        demand: 3.0,
        ..Demand::default()
    });
    let site = Site {
        id: "s".to_owned(),
        ..Site::default()
    };
    let cost = |from: &str| Cost {
        from_id: from.to_owned(),
        to_id: "s".to_owned(),
        minutes: 4.0,
    };
    let mut problem = Problem::new(
        Model::PMedian,
        demand.to_vec(),
        vec![site],
        vec![cost("a"), cost("b")],
    );
    problem.p = Some(1);
    problem
}

#[track_caller]
fn check(change: impl Fn(&mut Problem), field: &str) {
    let mut problem = problem();
    change(&mut problem);
    // Unwrap safety: each caller breaks a rule.
    assert_eq!(problem.checked().unwrap_err().field, field);
}

#[test]
fn what_is_wrong_is_named_by_its_field() {
    assert!(problem().checked().is_ok());
    check(|p| p.version = 2, "version");
    check(|p| p.p = None, "p");
    check(|p| p.p = Some(0), "p");
    check(|p| p.model = Model::Lscp, "radius");
    check(|p| p.model = Model::BudgetAllocation, "budget");
    check(|p| p.demand[1].id = "a".to_owned(), "demand[1].id");
    check(|p| p.demand[0].demand = f64::NAN, "demand[0].demand");
    check(|p| p.demand[0].variance = -1.0, "demand[0].variance");
    check(|p| p.sites[0].fixed_cost = -1.0, "sites[0].fixed_cost");
    check(|p| p.costs[1].minutes = f64::INFINITY, "costs[1].minutes");
    check(|p| p.costs[1].from_id = "a".to_owned(), "costs[1].to_id");
    check(|p| p.costs.truncate(0), "costs");
    check(|p| p.robust = Some(0.0), "robust");
    check(|p| p.sites.truncate(0), "sites");
}

#[test]
fn a_negative_demand_is_accepted() {
    let mut problem = problem();
    problem.demand[0].demand = -4.0;
    assert!(problem.checked().is_ok());
}

#[test]
fn a_site_reaches_only_the_targets_it_serves() {
    let mut problem = problem();
    problem.demand[0].target = Some("minors".to_owned());
    problem.demand[1].target = Some("elderly".to_owned());
    problem.sites[0].targets = vec!["elderly".to_owned()];
    // Unwrap safety: the problem is valid.
    let tables = problem.checked().unwrap();
    assert_eq!(tables.reach, [vec![], vec![(0, 4.0)]]);
    assert_eq!(problem.reach_of(&[true]), tables.reach);
    assert_eq!(problem.reach_of(&[false]), [vec![], vec![]]);
}

#[test]
fn problems_survive_json_and_unknown_fields_are_refused() {
    // Unwrap safety: a problem serialises.
    let text = serde_json::to_string(&problem()).unwrap();
    assert!(serde_json::from_str::<Problem>(&text).is_ok());
    let wrong = text.replacen("\"version\"", "\"colour\":1,\"version\"", 1);
    assert!(serde_json::from_str::<Problem>(&wrong).is_err());
}
