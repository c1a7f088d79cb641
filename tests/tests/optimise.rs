//! `coordinator optimise` and `coordinator access` as scripts use them: tables in, JSON out; bad rows named; a worker
//! that is stopped with its parent, and a plan that comes back when it is.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use system_tests::process::{binary, run};

const DEMAND: &str = "id,demand,variance\na,10,4\nb,20,4\nc,-3,4\nd,15,4\n";
const SITES: &str =
    "id,status,capacity,fixed_cost\ns,candidate,30,100\nt,candidate,30,90\nu,candidate,30,80\n";
const COSTS: &str = "from_id,to_id,minutes\na,s,5\na,t,20\na,u,30\nb,s,25\nb,t,6\nb,u,18\nc,s,9\nc,t,12\nc,u,4\nd,s,30\nd,t,22\nd,u,3\n";

fn tables(dir: &Path) -> Result<()> {
    for (name, text) in [
        ("demand.csv", DEMAND),
        ("sites.csv", SITES),
        ("od.csv", COSTS),
    ] {
        std::fs::write(dir.join(name), text)?;
    }
    Ok(())
}

fn arguments(dir: &Path, command: &str, more: &[&str]) -> Vec<String> {
    let path = |name: &str| dir.join(name).display().to_string();
    let mut all = vec![command.to_owned()];
    let second = if command == "access" {
        "--supply"
    } else {
        "--sites"
    };
    for (flag, name) in [
        ("--demand", "demand.csv"),
        (second, "sites.csv"),
        ("--costs", "od.csv"),
        ("--out", "out.json"),
    ] {
        all.extend([flag.to_owned(), path(name)]);
    }
    all.extend(more.iter().map(|&word| word.to_owned()));
    all
}

async fn done(dir: &Path, command: &str, more: &[&str]) -> Result<Value> {
    let arguments = arguments(dir, command, more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let finished = run("coordinator", &arguments, "").await?;
    ensure!(
        finished.code == Some(0),
        "{arguments:?}: {}",
        finished.stderr
    );
    Ok(serde_json::from_slice(&std::fs::read(
        dir.join("out.json"),
    )?)?)
}

#[tokio::test]
async fn every_model_gives_a_plan_from_tables() -> Result<()> {
    let dir = tempfile::tempdir()?;
    tables(dir.path())?;
    let models: [(&str, &[&str], f64); 9] = [
        ("p-median", &["--p", "2"], 353.0),
        ("mclp", &["--p", "1", "--radius", "10"], 20.0),
        ("lscp", &["--radius", "10"], 270.0),
        ("p-center", &["--p", "2"], 18.0),
        ("warehouse", &[], 485.0),
        ("location-allocation", &["--unmet-cost", "100"], 485.0),
        ("budget-allocation", &["--budget", "100"], 30.0),
        ("max-min", &["--p", "3"], 1.0),
        ("cvar", &["--p", "3", "--tail", "0.5"], 1.0),
    ];
    for (model, more, objective) in models {
        let more = [&["--model", model, "--seed", "7", "--draws", "5"], more].concat();
        let plan = done(dir.path(), "optimise", &more).await?;
        assert_eq!(plan["status"], "optimal", "{model}: {plan}");
        let found = plan["objective"].as_f64().context("no objective")?;
        println!("{model}: {found}");
        assert!((found - objective).abs() < 1e-4, "{model}: {plan}");
        assert_eq!(plan["seed"], 7);
        assert!(
            plan["gap"].as_f64().is_some_and(|gap| gap <= 1e-6),
            "{plan}"
        );
        assert!(
            plan["data_version"]
                .as_str()
                .is_some_and(|v| v.starts_with("sha256:"))
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_problem_document_and_its_tables_give_the_same_plan() -> Result<()> {
    let dir = tempfile::tempdir()?;
    tables(dir.path())?;
    let more = ["--model", "p-median", "--p", "2"];
    let plan = done(dir.path(), "optimise", &more).await?;
    assert!(
        plan["stability"]["draws"]
            .as_u64()
            .is_some_and(|draws| draws == 200)
    );
    let rows = |text: &str, keys: &[&str], numbers: &[&str]| -> Vec<Value> {
        (text.lines().skip(1))
            .map(|line| {
                let mut row = serde_json::Map::new();
                for (key, field) in keys.iter().zip(line.split(',')) {
                    let value = if numbers.contains(key) {
                        field.parse::<f64>().map_or(Value::Null, Value::from)
                    } else {
                        Value::from(field)
                    };
                    row.insert((*key).to_owned(), value);
                }
                Value::Object(row)
            })
            .collect()
    };
    let problem = serde_json::json!({
        "version": 1, "model": "p-median", "p": 2,
        "demand": rows(DEMAND, &["id", "demand", "variance"], &["demand", "variance"]),
        "sites": rows(SITES, &["id", "status", "capacity", "fixed_cost"], &["capacity", "fixed_cost"]),
        "costs": rows(COSTS, &["from_id", "to_id", "minutes"], &["minutes"]),
    });
    let file = dir.path().join("problem.json");
    std::fs::write(&file, problem.to_string())?;
    let out = dir.path().join("plan.json");
    let (file, out) = (file.display().to_string(), out.display().to_string());
    let finished = run(
        "coordinator",
        &["optimise", "--problem", &file, "--out", &out],
        "",
    )
    .await?;
    ensure!(finished.code == Some(0), "{}", finished.stderr);
    let second: Value = serde_json::from_slice(&std::fs::read(&out)?)?;
    for part in [
        "status",
        "objective",
        "bound",
        "open",
        "assignment",
        "stability",
    ] {
        assert_eq!(plan[part], second[part], "{part}");
    }
    Ok(())
}

#[tokio::test]
async fn bad_rows_are_named_and_an_impossible_problem_is_infeasible() -> Result<()> {
    let dir = tempfile::tempdir()?;
    tables(dir.path())?;
    std::fs::write(dir.path().join("demand.csv"), "id,demand\na,ten\n")?;
    let arguments = arguments(
        dir.path(),
        "optimise",
        &["--model", "lscp", "--radius", "10"],
    );
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let finished = run("coordinator", &words, "").await?;
    assert_eq!(finished.code, Some(1));
    assert!(
        finished
            .stderr
            .contains("demand.csv, line 2, column demand: `ten` is no number"),
        "{}",
        finished.stderr
    );
    std::fs::write(dir.path().join("demand.csv"), DEMAND)?;
    let plan = done(
        dir.path(),
        "optimise",
        &["--model", "lscp", "--radius", "5"],
    )
    .await?;
    assert_eq!(plan["status"], "infeasible");
    let reason = plan["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("raise the radius to 6"), "{reason}");
    let finished = run("coordinator", &words[..words.len() - 2], "").await?;
    assert_eq!(finished.code, Some(1));
    assert!(
        finished.stderr.contains("radius: lscp needs"),
        "{}",
        finished.stderr
    );
    Ok(())
}

/// A city too large to be proven at once.
fn hard(dir: &Path) -> Result<()> {
    let mut state = 5_u64;
    let mut unit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut places = |n: usize| -> Vec<(f64, f64)> { (0..n).map(|_| (unit(), unit())).collect() };
    let (homes, offers) = (places(3000), places(400));
    let (mut demand, mut sites) = ("id,demand\n".to_owned(), "id\n".to_owned());
    let mut costs = "from_id,to_id,minutes\n".to_owned();
    for (i, home) in homes.iter().enumerate() {
        writeln!(demand, "a{i},{}", 1 + i % 97)?;
        for (j, offer) in offers.iter().enumerate() {
            let minutes = 60.0 * (home.0 - offer.0).hypot(home.1 - offer.1);
            if minutes < 9.0 {
                writeln!(costs, "a{i},s{j},{minutes:.2}")?;
            }
        }
    }
    for j in 0..offers.len() {
        writeln!(sites, "s{j}")?;
    }
    for (name, text) in [
        ("demand.csv", demand),
        ("sites.csv", sites),
        ("od.csv", costs),
    ] {
        std::fs::write(dir.join(name), text)?;
    }
    Ok(())
}

/// Processes whose parent is `parent`.
fn children(parent: u32) -> Vec<u32> {
    let tasks = format!("/proc/{parent}/task");
    let mut found = Vec::new();
    for task in std::fs::read_dir(tasks).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(
            text.split_whitespace()
                .filter_map(|id| id.parse::<u32>().ok()),
        );
    }
    found
}

fn is_running(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .starts_with('Z')
    })
}

/// Looks again until it is so; minutes pass before it gives up.
fn eventually(mut is: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(120) {
        if is() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn a_stopped_solve_hands_over_its_plan_and_a_killed_one_takes_its_worker_along() -> Result<()> {
    let dir = tempfile::tempdir()?;
    hard(dir.path())?;
    let arguments = arguments(
        dir.path(),
        "optimise",
        &["--model", "mclp", "--p", "25", "--radius", "6"],
    );
    for signal in ["INT", "KILL"] {
        let mut command = Command::new(binary("coordinator")?);
        let mut parent = (command.args(&arguments).stderr(Stdio::null())).spawn()?;
        let mut workers = Vec::new();
        assert!(eventually(|| {
            workers = children(parent.id());
            !workers.is_empty()
        }));
        // Time to have a plan, which the search has from its first moment on.
        std::thread::sleep(Duration::from_secs(2));
        let kill = Command::new("kill")
            .args([&format!("-{signal}"), &parent.id().to_string()])
            .status()?;
        ensure!(kill.success(), "the signal was not sent");
        let status = parent.wait()?;
        assert!(eventually(|| !workers
            .iter()
            .any(|&worker| is_running(worker))));
        if signal == "INT" {
            assert!(status.success(), "{status}");
            let plan: Value = serde_json::from_slice(&std::fs::read(dir.path().join("out.json"))?)?;
            // A fast machine may have proven it by then; a plan is never called optimal otherwise.
            let is_closed = plan["gap"].as_f64().is_some_and(|gap| gap <= 1e-6);
            assert_eq!(plan["status"] == "optimal", is_closed, "{plan}");
            if plan["status"] != "optimal" {
                assert_eq!(plan["status"], "cancelled");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn access_names_its_travel_and_compares_a_scenario() -> Result<()> {
    let dir = tempfile::tempdir()?;
    tables(dir.path())?;
    let sites = SITES.replace("s,candidate", "s,closed");
    std::fs::write(dir.path().join("sites.csv"), sites)?;
    let edits = dir.path().join("edits.json");
    std::fs::write(&edits, r#"[{"edit":"open","site":"s"}]"#)?;
    let edits = edits.display().to_string();
    for method in ["nearest", "cumulative", "2sfca", "e2sfca", "raam"] {
        let more = ["--method", method, "--radius", "25", "--scenario", &edits];
        let found = done(dir.path(), "access", &more).await?;
        assert_eq!(
            found["travel"],
            serde_json::json!({"kind": "table", "name": "od.csv"})
        );
        assert_eq!(found["rows"].as_array().map(Vec::len), Some(4));
        assert_eq!(found["scenario"]["rows"].as_array().map(Vec::len), Some(4));
    }
    std::fs::write(
        dir.path().join("places.csv"),
        "id,latitude,longitude\na,45.46,9.18\nb,45.47,9.19\nc,45.48,9.2\nd,45.46,9.2\ns,45.46,9.19\nt,45.47,9.2\nu,45.48,9.19\n",
    )?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (demand, supply, places, out) = (
        path("demand.csv"),
        path("sites.csv"),
        path("places.csv"),
        path("out.json"),
    );
    let words = [
        "access", "--demand", &demand, "--supply", &supply, "--places", &places, "--method",
        "nearest", "--out", &out,
    ];
    let finished = run("coordinator", &words, "").await?;
    ensure!(finished.code == Some(0), "{}", finished.stderr);
    let found: Value = serde_json::from_slice(&std::fs::read(&out)?)?;
    assert_eq!(found["travel"]["kind"], "crow-flies");
    Ok(())
}
