//! A solve that is called off in each phase of the engine: while it reduces the program, in the root's linear relaxation and
//! in its search. What it took is printed and not asserted: `cargo test --workspace --test cancel -- --nocapture`.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use system_tests::process::binary;

/// Location with capacities: `areas` times `sites` pairs, each with a row of its own.
fn problem(dir: &Path, areas: usize, sites: usize) -> Result<()> {
    let mut state = 9_u64;
    let mut unit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut places = |n: usize| -> Vec<(f64, f64)> { (0..n).map(|_| (unit(), unit())).collect() };
    let (homes, offers) = (places(areas), places(sites));
    let demand: Vec<Value> = (0..areas)
        .map(|i| json!({"id": format!("a{i}"), "demand": 1 + i * 31 % 97}))
        .collect();
    let candidates: Vec<Value> = (0..sites)
        .map(|j| json!({"id": format!("s{j}"), "capacity": 400 + j * 17 % 300, "fixed_cost": 900 + j * 53 % 700,
            "module_capacity": 50, "module_cost": 200, "modules": 3}))
        .collect();
    let mut costs = Vec::new();
    for (i, home) in homes.iter().enumerate() {
        for (j, offer) in offers.iter().enumerate() {
            let minutes = 60.0 * (home.0 - offer.0).hypot(home.1 - offer.1);
            costs.push(
                json!({"from_id": format!("a{i}"), "to_id": format!("s{j}"), "minutes": minutes}),
            );
        }
    }
    let problem = json!({"version": 1, "model": "location-allocation", "demand": demand, "sites": candidates,
        "costs": costs, "unmet_cost": 200, "explain": false});
    std::fs::write(dir.join("problem.json"), problem.to_string())?;
    Ok(())
}

/// The worker of a running command, once it runs.
fn worker(parent: u32) -> Result<u32> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        for task in std::fs::read_dir(format!("/proc/{parent}/task"))?.flatten() {
            let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            if let Some(id) = text.split_whitespace().next() {
                return Ok(id.parse()?);
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    anyhow::bail!("no worker was started")
}

/// Seconds of processor time a process has taken.
fn processor(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    // User and system time, in hundredths.
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok());
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
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

#[test]
fn a_solve_called_off_in_any_phase_ends_with_its_worker() -> Result<()> {
    let dir = tempfile::tempdir()?;
    // Processor time after which it is called off: where the phases lie depends on the machine, so many moments are tried.
    for (areas, sites, moments) in [(600, 150, [0.3, 1.0, 2.5]), (150, 60, [0.5, 1.5, 3.0])] {
        problem(dir.path(), areas, sites)?;
        for moment in moments {
            let mut parent = Command::new(binary("coordinator")?)
                .args(["optimise", "--draws", "0", "--problem"])
                .arg(dir.path().join("problem.json"))
                .arg("--out")
                .arg(dir.path().join("plan.json"))
                .stderr(Stdio::null())
                .spawn()?;
            let worker = worker(parent.id())?;
            while is_running(worker) && processor(worker) < moment {
                std::thread::sleep(Duration::from_millis(5));
            }
            let called_off = Instant::now();
            let kill = Command::new("kill")
                .args(["-INT", &parent.id().to_string()])
                .status()?;
            ensure!(kill.success(), "the signal was not sent");
            let mut died = None;
            let status = loop {
                if died.is_none() && !is_running(worker) {
                    died = Some(called_off.elapsed());
                }
                if let Some(status) = parent.try_wait()? {
                    break status;
                }
                std::thread::sleep(Duration::from_millis(2));
            };
            let ended = called_off.elapsed();
            ensure!(status.success(), "{status}");
            // Whoever waited for the plan must not leave a worker behind.
            ensure!(!is_running(worker), "the worker outlives its command");
            let plan: Value =
                serde_json::from_slice(&std::fs::read(dir.path().join("plan.json"))?)?;
            let word = plan["status"].as_str().context("no status")?;
            ensure!(["cancelled", "optimal"].contains(&word), "{word}");
            println!(
                "{areas} x {sites}, called off after {moment} CPU s: worker dead after {:.2} s, plan ({word}, gap {}) after {:.2} s",
                died.unwrap_or(ended).as_secs_f64(),
                plan["gap"],
                ended.as_secs_f64()
            );
        }
    }
    Ok(())
}
