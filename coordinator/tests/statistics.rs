//! Statistics of releases over HTTP: what fits is computed with intervals and sources, what does not is refused by name.
//! Nodes are simulated with real keys; their cells are made up here.

mod support;

use serde_json::{Value, json};
use support::{Bed, City, STUDY, logged, question};

async fn released(city: &City<'_>, query: &Value, value: i64, key: &str) -> String {
    let id = city.asked(query, key).await;
    for node in &city.nodes {
        node.answers(value).await.expect(200);
    }
    city.view(&id).await["release"].as_str().unwrap().to_owned()
}

fn by_nil(measure: &str, per_cell: u64, rho: u64) -> Value {
    let mut query = question(rho);
    query["measure"] = json!(measure);
    query["by"] = json!({ "area": "nil" });
    query["bounds"]["per_cell"] = json!(per_cell);
    match measure {
        "sum" => query["quantity"] = json!("amount"),
        "bins" => {
            query["quantity"] = json!("amount");
            query["edges"] = json!([5_000, 10_000, 50_000]);
        }
        _ => {}
    }
    query
}

fn path(release: &str, parameters: &str) -> String {
    format!("/api/v1/releases/{release}/statistics?{parameters}")
}

#[tokio::test]
async fn means_and_rates_come_with_intervals_and_sources_and_cost_nothing() {
    let bed = Bed::new().await;
    let city = bed.city_with(&["persons", "sum"]).await;
    let persons = released(&city, &by_nil("persons", 1, 50_000_000), 100, "a").await;
    let sum = released(&city, &by_nil("sum", 50_000, 50_000_000), 900_000, "b").await;
    let before = logged(&bed).await;

    let found = city
        .analyst
        .get(&path(&sum, &format!("kind=mean&of={persons}")))
        .await;
    let found = found.expect(200).json();
    assert_eq!(
        (&found["of"], &found["confidence"]),
        (&json!(persons), &json!(0.95))
    );
    assert_eq!(found["dimensions"].as_array().unwrap().len(), 2);
    let file =
        path(&sum, &format!("kind=mean&of={persons}")).replace("statistics?", "statistics.csv?");
    let file = city.analyst.get(&file).await.expect(200);
    let lines: Vec<&str> = file.text.lines().collect();
    assert_eq!(
        lines[0],
        "area,area_name,period,statistic,percent,estimate,estimate_to,low,high,confidence,release,of,source,date"
    );
    let cells = found["series"][0]["cells"].as_array().unwrap();
    assert_eq!(lines.len(), cells.len() + 1);
    let first: Vec<&str> = lines[1].split(',').collect();
    assert_eq!(first[3], "mean");
    for (column, name) in [(5, "estimate"), (7, "low"), (8, "high")] {
        assert_eq!(
            first[column].parse().ok(),
            cells[0][name].as_f64(),
            "{name}"
        );
    }
    let series = &found["series"][0];
    assert_eq!(
        (
            &series["statistic"],
            series["cells"].as_array().unwrap().len()
        ),
        (&json!("mean"), 89)
    );
    // 27,000 euro over 300 presences, with margins of 5,368 euro and 11 presences.
    let cell = &series["cells"][0];
    let at = |name: &str| cell[name].as_f64().unwrap();
    assert_eq!(at("estimate"), 9_000.0);
    assert!((7_150.0..7_250.0).contains(&at("low")), "{cell}");
    assert!((10_780.0..10_880.0).contains(&at("high")), "{cell}");

    let found = city
        .analyst
        .get(&path(&persons, "kind=rate&of=residents"))
        .await;
    let found = found.expect(200).json();
    assert_eq!(found["whole"]["what"], "residents");
    assert_eq!(found["whole"]["date"], "2021");
    assert!(
        found["whole"]["source"]
            .as_str()
            .unwrap()
            .contains("Comune di Milano")
    );
    let cells = found["series"][0]["cells"].as_array().unwrap();
    let residents = f64::from(geography::Facts::milan().areas()[0].residents);
    let rate = cells[0]["estimate"].as_f64().unwrap();
    assert!((rate - 300_000.0 / residents).abs() < 1e-9, "{rate}");
    // Nobody publishes how many live in no known area.
    assert_eq!(
        cells[88],
        json!({ "estimate": null, "low": null, "high": null })
    );

    for node in &city.nodes {
        assert!(node.poll().await.is_empty(), "nobody is asked");
    }
    assert_eq!(logged(&bed).await, before, "reading is not logged");
}

#[tokio::test]
async fn quantiles_and_spread_of_bins() {
    let bed = Bed::new().await;
    let city = bed.city_with(&["bins"]).await;
    let bins = released(&city, &by_nil("bins", 1, 200_000_000), 200, "a").await;
    let found = city
        .analyst
        .get(&path(&bins, "kind=quantiles"))
        .await
        .expect(200)
        .json();
    let names: Vec<&str> = (found["dimensions"].as_array().unwrap().iter())
        .map(|axis| axis["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["area", "period"]);
    let series = found["series"].as_array().unwrap();
    assert_eq!(series.len(), 3);
    assert_eq!(series[1]["percent"], 50);
    // 600 in each of four bins: the quartiles lie on edges, so that noise leaves both neighbours.
    let median = &series[1]["cells"][3];
    assert_eq!(
        (&median["low"], &median["high"]),
        (&json!(5_000.0), &json!(50_000.0))
    );
    let found = city
        .analyst
        .get(&path(&bins, "kind=quantiles&percents=10,90"))
        .await;
    let found = found.expect(200).json();
    let cell = |series: usize| found["series"][series]["cells"][0].clone();
    let first = json!({ "estimate": 0.0, "estimate_to": 5_000.0, "low": 0.0, "high": 5_000.0 });
    assert_eq!(cell(0), first);
    // The last bin is open.
    assert_eq!(
        cell(1),
        json!({ "estimate": 50_000.0, "low": 50_000.0, "high": null })
    );

    let found = city
        .analyst
        .get(&path(&bins, "kind=spread"))
        .await
        .expect(200)
        .json();
    assert_eq!(found["series"][0]["cells"][0]["high"], json!(null));
    let found = city
        .analyst
        .get(&path(&bins, "kind=spread&most=100000"))
        .await;
    let found = found.expect(200).json();
    let mean = &found["series"][0]["cells"][0];
    // Everybody at the lower end of their bin, or at the upper one.
    assert!(mean["low"].as_f64().unwrap() < 16_250.0, "{mean}");
    assert!(mean["high"].as_f64().unwrap() > 41_249.0, "{mean}");
    assert_eq!(found["series"][1]["statistic"], "deviation");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name() {
    let bed = Bed::new().await;
    let city = bed.city_with(&["persons", "sum"]).await;
    let persons = released(&city, &by_nil("persons", 1, 10_000_000), 100, "a").await;
    let sum = released(&city, &by_nil("sum", 50_000, 10_000_000), 900_000, "b").await;
    let municipi = released(&city, &question(10_000_000), 100, "c").await;
    let mut filtered = by_nil("persons", 1, 10_000_000);
    filtered["filter"] = json!({ "sex": "F" });
    let filtered = released(&city, &filtered, 50, "d").await;
    let refused = async |release: &str, parameters: &str, code: &str, path_of: &str| {
        let reply = city
            .analyst
            .get(&path(release, parameters))
            .await
            .expect(409)
            .json();
        assert_eq!(
            (&reply["code"], &reply["path"]),
            (&json!(code), &json!(path_of))
        );
        assert!(reply["detail"].as_str().unwrap().len() > 20);
    };
    let mean_of = |release: &str| format!("kind=mean&of={release}");
    refused(&persons, &mean_of(&municipi), "wrong-measure", "$.measure").await;
    let other = released(&city, &by_nil("sum", 50_000, 9_000_000), 900_000, "f").await;
    refused(&sum, &mean_of(&other), "wrong-measure", "of").await;
    refused(&sum, &mean_of(&sum), "shared-noise", "of").await;
    refused(&sum, &mean_of(&municipi), "other-cells", "$.by.area").await;
    refused(&sum, &mean_of(&filtered), "other-cells", "$.filter").await;
    refused(
        &municipi,
        "kind=rate&of=residents",
        "no-public-number",
        "$.by.area",
    )
    .await;
    refused(&persons, "kind=quantiles", "wrong-measure", "$.measure").await;
    // What is derived from a release has its noise.
    let mut city_wide = question(10_000_000);
    city_wide["by"] = json!({ "area": "city" });
    let body = json!({ "study": STUDY, "query": city_wide });
    let made = city
        .analyst
        .post(&format!("/api/v1/releases/{persons}/derive"), &body)
        .await
        .expect(200);
    let made = made.location().rsplit('/').next().unwrap().to_owned();
    let same = format!("kind=rate&of={made}");
    refused(&made, &same, "shared-noise", "of").await;
    // Women per thousand of all: the cells are the same, the people need not be.
    let found = city
        .analyst
        .get(&path(&filtered, &format!("kind=rate&of={persons}")))
        .await;
    assert_eq!(
        found.expect(200).json()["series"][0]["cells"][0]["estimate"],
        500.0
    );

    // Another edition answered.
    city.nodes[0].hello(2).await.expect(200);
    let newer = released(&city, &by_nil("persons", 1, 11_000_000), 100, "e").await;
    refused(&sum, &mean_of(&newer), "other-coverage", "of").await;

    let analyst = &city.analyst;
    analyst
        .get(&path("nothing", "kind=quantiles"))
        .await
        .refused(404, "not-found");
    analyst
        .get(&path(&sum, "kind=mean&of=nothing"))
        .await
        .refused(404, "not-found");
    analyst
        .get(&path(&sum, "kind=mode"))
        .await
        .refused(422, "unknown-id");
    let nobody = support::Browser::nobody(&bed);
    nobody
        .get(&path(&sum, "kind=quantiles"))
        .await
        .refused(401, "unauthenticated");
}
