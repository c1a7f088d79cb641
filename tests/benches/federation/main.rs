//! What federating costs: many nodes in one process over real loopback TLS, the real coordinator in another, and beside them a process
//! that only receives the same vectors over the same TLS and adds them. Every figure that compares is a ratio of the same run.
//!
//! `cargo xtask bench federation [--nodes 10,50,200] [--cells 1000,100000]`

mod fleet;
mod meter;
mod raw;
mod stages;
mod wire;

use anyhow::{Context, Result};
use coordinator::config::Config;
use coordinator::store::accounts::Role;
use fleet::{Fleet, STUDY};
use meter::Meter;
use raw::Raw;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use system_tests::http::Website;
use system_tests::process::Process;
use system_tests::requester::REQUESTER;
use wire::Wire;

/// The argument with which this program is the baseline.
const RECEIVE: &str = "--receive";
const PASSWORD: &str = "only-for-this-benchmark";
/// Signatures that a coordinator verifies for each answer.
const SIGNATURES: f64 = 2.0;
/// So many answers at least are measured for one line.
const ANSWERS: usize = 100;
const LOOK_AGAIN: Duration = Duration::from_millis(10);

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, authority, address] = &arguments[..]
        && mode == RECEIVE
    {
        return runtime.block_on(raw::receive(Path::new(authority), Path::new(address)));
    }
    let numbers = |name: &str, default: &str| -> Result<Vec<usize>> {
        let at = arguments.iter().position(|argument| argument == name);
        let text = at
            .and_then(|at| arguments.get(at + 1))
            .map_or(default, String::as_str);
        text.split(',')
            .map(|number| {
                number
                    .parse()
                    .with_context(|| format!("`{name}` takes numbers such as {default}"))
            })
            .collect()
    };
    let (nodes, cells) = (
        numbers("--nodes", "10,50,200")?,
        numbers("--cells", "1000,100000")?,
    );
    runtime.block_on(run(&nodes, &cells))
}

async fn run(nodes: &[usize], sizes: &[usize]) -> Result<()> {
    let mut signature = f64::INFINITY;
    for &size in sizes {
        let (query, cells) = question(size, 1_000_000)?;
        signature = signature.min(stages::print(&query, &Kind::Cents.vector(cells, 1))?);
    }
    println!(
        "raw: another process receives the same vectors, eight bytes a cell, over the same mutual TLS on connections that stand, and adds \
         them: no HTTP, no question, nothing verified or stored"
    );
    println!(
        "signed: raw and {SIGNATURES} signatures of {:.3} ms each, the request's and the answer's, which no coordinator can save",
        signature / 1e6
    );
    println!(
        "{:>5} {:>7} {:>6} {:>11} {:>9} {:>12} {:>12} {:>7} {:>8} {:>9} {:>9}",
        "nodes",
        "cells",
        "kind",
        "release s",
        "B/cell",
        "coord ms/a",
        "raw ms/a",
        "x raw",
        "x signed",
        "coord MB",
        "raw MB"
    );
    for &count in nodes {
        let mut bench = Bench::start(count, signature).await?;
        for &size in sizes {
            for kind in [Kind::Counts, Kind::Cents] {
                bench.measure(size, kind).await?;
            }
        }
        if count > 2 {
            bench.stragglers(sizes[0]).await?;
        }
    }
    Ok(())
}

/// What the cells look like; their size on the wire depends on it.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Noisy counts: up to a hundred, with noise of a few.
    Counts,
    /// Noisy sums in cents: up to a million euro, with noise of some thousand euro.
    Cents,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Counts => "counts",
            Kind::Cents => "cents",
        }
    }

    fn vector(self, cells: usize, seed: u64) -> Vec<i64> {
        let (largest, noise) = match self {
            Kind::Counts => (100, 20),
            Kind::Cents => (100_000_000, 1_000_000),
        };
        let mut state = seed;
        let mut roll = |below: i64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64 % below
        };
        (0..cells)
            .map(|_| {
                // Squared, so that most cells are small, as most areas are.
                let part = roll(1_000);
                largest * part / 1_000 * part / 1_000 + roll(2 * noise + 1) - noise
            })
            .collect()
    }
}

/// A question of exactly or about so many cells, and how many it has: 124 areas or fewer times months.
fn question(cells: usize, rho: u64) -> Result<(Value, usize)> {
    let levels = [
        ("municipio", 100),
        ("nil", 2_000),
        ("micro-area", usize::MAX),
    ];
    let level = (levels.iter().find(|(_, most)| cells <= *most))
        .context("a level")?
        .0;
    let mut best: Option<(Value, usize)> = None;
    for (by_more, months_at_most) in [(json!({}), 240), (json!({ "service": true }), 240)] {
        for months in 1..=months_at_most {
            let mut by = by_more.clone();
            by["area"] = json!(level);
            by["period"] = json!("month");
            let query = json!({
                "version": 1, "measure": "persons", "by": by,
                "period": { "from": "2006-01", "to": format!("{}-{:02}", 2006 + (months - 1) / 12, (months - 1) % 12 + 1) },
                "bounds": { "cells": 1, "per_cell": 1 }, "rho": rho,
            });
            let Ok(parsed) = query::AggregateQuery::parse(query.to_string().as_bytes()) else {
                continue;
            };
            let has = parsed.cells();
            if best
                .as_ref()
                .is_none_or(|(_, other)| has.abs_diff(cells) < other.abs_diff(cells))
            {
                best = Some((query, has));
            }
        }
    }
    best.context("a question of that size")
}

struct Bench {
    coordinator: Process,
    website: Website,
    fleet: Fleet,
    raw: Raw,
    wire: Wire,
    nodes: usize,
    rho: u64,
    /// Nanoseconds that verifying a signature takes.
    signature: f64,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn start(nodes: usize, signature: f64) -> Result<Bench> {
        let dir = tempfile::tempdir()?;
        let free = || -> Result<SocketAddr> {
            Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
        };
        let (web, node_port) = (free()?, free()?);
        let wire = Wire::start(node_port.to_string()).await?;
        let made = coordinator::admin::init(dir.path(), web, node_port, Some(wire.address.clone()))
            .await?;
        let config = Config::read(&made.config)?;
        coordinator::admin::account_add(&config, "anna", Role::Analyst, None, PASSWORD).await?;
        let mut invitations = Vec::new();
        for number in 0..nodes {
            let name = if number == 0 {
                REQUESTER.to_owned()
            } else {
                format!("node-{number}")
            };
            invitations.push(coordinator::admin::join_token(&config, &name, None).await?);
        }
        let log: PathBuf = dir.path().join("coordinator.log");
        let config_text = made.config.to_str().context("a path in UTF-8")?;
        let coordinator = Process::start(
            "coordinator",
            &["serve", "--config", config_text],
            &[],
            &log,
        )?;
        let mut website = Website::new(&format!("http://{web}"));
        while !website.is_up("/health").await {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        website.sign_in("anna", PASSWORD).await?;
        let fleet = Fleet::join(&invitations)
            .await
            .with_context(|| coordinator.tail())?;
        Ok(Bench {
            raw: Raw::start(dir.path(), nodes).await?,
            coordinator,
            website,
            fleet,
            wire,
            nodes,
            rho: 1_000_000,
            signature,
            _dir: dir,
        })
    }

    fn meter(&self) -> Meter {
        Meter(self.coordinator.id())
    }

    /// Asks one question and waits for its release, which is made before the last answer's receipt is sent: so nobody has to ask
    /// the coordinator whether it is there.
    async fn released(&mut self, query: &mut Value) -> Result<()> {
        let id = self.ask(query).await?;
        self.accepted_by(self.nodes).await?;
        // The release is made with the last answer; a second look is needed only where that was one of a question before.
        for _ in 0..600 {
            let view = self.website.get(&format!("/api/v1/queries/{id}")).await?;
            if view["release"].is_string() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("no release\n{}", self.coordinator.tail())
    }

    /// Asks a question anew; returns the query.
    async fn ask(&mut self, query: &mut Value) -> Result<String> {
        for node in 0..self.nodes {
            self.fleet.desk(node, |desk| desk.accepted = None);
        }
        self.rho += 1;
        query["rho"] = json!(self.rho);
        let body =
            json!({ "study": STUDY, "query": query, "ask_anew": true, "validity_seconds": 3_600 });
        let key = system_tests::requester::request_id()?;
        let reply = (self.website)
            .post("/api/v1/queries", &body, &[("idempotency-key", &key)])
            .await?;
        reply.with_status(&[202])?.location_id().context("a query")
    }

    /// Waits until so many nodes' answers were accepted; when the last of them was.
    async fn accepted_by(&self, nodes: usize) -> Result<Instant> {
        let began = Instant::now();
        loop {
            let done: Vec<Instant> = (0..self.nodes)
                .filter_map(|node| self.fleet.desk(node, |desk| desk.accepted))
                .collect();
            if done.len() >= nodes {
                return done.into_iter().max().context("an answer");
            }
            anyhow::ensure!(
                began.elapsed() < Duration::from_secs(300),
                "{} of {nodes} answers were accepted\n{}",
                done.len(),
                self.coordinator.tail()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn measure(&mut self, size: usize, kind: Kind) -> Result<()> {
        let (mut query, cells) = question(size, self.rho)?;
        let vectors: Vec<Vec<i64>> = (0..self.nodes)
            .map(|node| kind.vector(cells, node as u64 + 1))
            .collect();
        for (node, vector) in vectors.iter().enumerate() {
            self.fleet.desk(node, |desk| desk.cells.clone_from(vector));
        }
        let rounds = ANSWERS.div_ceil(self.nodes);
        // Once unmeasured, so that connections stand and caches are warm.
        self.released(&mut query).await?;
        self.raw.round(&vectors).await?;

        self.meter().forget_peak()?;
        let (cpu, sent, began) = (self.meter().cpu_ns()?, self.wire.sent(), Instant::now());
        for _ in 0..rounds {
            self.released(&mut query).await?;
        }
        let elapsed = began.elapsed().as_secs_f64() / rounds as f64;
        let cpu = self.meter().cpu_ns()? - cpu;
        let sent = self.wire.sent() - sent;
        let peak = self.meter().peak_bytes()?;

        let raw = self.raw.meter();
        raw.forget_peak()?;
        let raw_cpu = raw.cpu_ns()?;
        for _ in 0..rounds {
            self.raw.round(&vectors).await?;
        }
        let raw_cpu = raw.cpu_ns()? - raw_cpu;
        let answers = (rounds * self.nodes) as f64;
        println!(
            "{:>5} {:>7} {:>6} {:>11.3} {:>9.2} {:>12.3} {:>12.3} {:>7.1} {:>8.1} {:>9.0} {:>9.0}",
            self.nodes,
            cells,
            kind.name(),
            elapsed,
            sent as f64 / answers / cells as f64,
            cpu as f64 / answers / 1e6,
            raw_cpu as f64 / answers / 1e6,
            cpu as f64 / raw_cpu as f64,
            cpu as f64 / (raw_cpu as f64 + SIGNATURES * self.signature * answers),
            peak as f64 / 1e6,
            raw.peak_bytes()? as f64 / 1e6
        );
        Ok(())
    }

    /// One node dead, one slow: how late the others' answers are accepted, as a ratio to a round without either.
    async fn stragglers(&mut self, size: usize) -> Result<()> {
        let (query, cells) = question(size, self.rho)?;
        for node in 0..self.nodes {
            self.fleet.desk(node, |desk| {
                desk.cells = Kind::Counts.vector(cells, node as u64 + 1)
            });
        }
        let healthy = self.accepted(query.clone(), self.nodes).await?;
        self.fleet
            .desk(1, |desk| desk.delay = Some(Duration::from_secs(3_600)));
        self.fleet
            .desk(2, |desk| desk.delay = Some(Duration::from_secs(20)));
        let hindered = self.accepted(query, self.nodes - 2).await?;
        println!(
            "{:>5} {:>7} one dead, one slow: the others' last answer accepted after {hindered:.3} s, without them {healthy:.3} s ({:.1} times)",
            self.nodes,
            cells,
            hindered / healthy
        );
        Ok(())
    }

    /// Seconds from asking until so many nodes' answers were accepted.
    async fn accepted(&mut self, mut query: Value, nodes: usize) -> Result<f64> {
        let began = Instant::now();
        self.ask(&mut query).await?;
        let last = self.accepted_by(nodes).await?;
        Ok(last.duration_since(began).as_secs_f64())
    }
}
