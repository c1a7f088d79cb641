//! A second witness over real processes: it cosigns node and coordinator, verifiers can demand it, and backups put in the place of
//! both, which agree with each other, are refused by it.

use anyhow::{Context, Result, ensure};
use audit::EntryKind;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use system_tests::PATIENCE;
use system_tests::backups::{
    copy_of, export_coordinator, member, number_in, put_back, serve_coordinator, stop_coordinator,
};
use system_tests::process::{Finished, Process, run, run_ok};
use system_tests::stack::Stack;

const ORGANISATION: &str = "cooperativa-lambro";
const NAME: &str = "university.example/witness";
const LOOK_AGAIN: Duration = Duration::from_millis(500);

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

fn question(rho: u64) -> serde_json::Value {
    json!({
        "version": 1, "measure": "persons", "by": { "area": "municipio" },
        "period": { "from": "2025-01", "to": "2025-12" },
        "bounds": { "cells": 1, "per_cell": 1 }, "rho": rho,
    })
}

async fn verified(program: &str, packs: &[&Path], keys: &Path, count: &str) -> Result<Finished> {
    let mut words = vec!["audit", "verify"];
    for pack in packs {
        words.push(text(pack)?);
    }
    words.extend(["--keys", text(keys)?, "--witnesses", count]);
    run(program, &words, "").await
}

/// Adds the witness to a configuration.
fn configure(path: &Path, key: &str, address: &str) -> Result<()> {
    let mut config: toml::Table = std::fs::read_to_string(path)?.parse()?;
    let witness: toml::Table =
        format!("key = \"{key}\"\naddress = \"http://{address}\"\n").parse()?;
    let list = toml::Value::Array(vec![witness.into()]);
    config.insert("witnesses".to_owned(), list);
    Ok(std::fs::write(path, toml::to_string(&config)?)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_of_both_sides_that_agree_are_refused_by_the_second_witness() -> Result<()> {
    let mut stack = Stack::start(0.001, 1_000_000_000).await?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);

    // The witness is somebody else's: a folder of its own, keys as they were handed over.
    let first = path("first.zip");
    export_coordinator(&stack, &first).await?;
    let keys = member(&first, "keys.txt")?;
    let dir = path("witness");
    let made = [
        "audit",
        "witness",
        "init",
        "--dir",
        text(&dir)?,
        "--name",
        NAME,
    ];
    let said = run_ok("node-agent", &made, "").await?;
    let key = (said.lines())
        .find_map(|line| line.strip_prefix("witness key "))
        .context("the witness's key")?;
    std::fs::write(dir.join("logs.txt"), &keys)?;
    let serve = [
        "audit",
        "witness",
        "serve",
        "--dir",
        text(&dir)?,
        "--listen",
        "127.0.0.1:0",
    ];
    let mut witness = Process::start("node-agent", &serve, &[], &path("witness.log"))?;
    let listening = witness.printed("witness listening on ").await?;
    let address = listening
        .rsplit(' ')
        .next()
        .context("an address")?
        .to_owned();
    let known = path("keys.txt");
    std::fs::write(&known, format!("{keys}{key}\n"))?;

    // Both sides name it, and are started again.
    stack.kill_node(ORGANISATION)?;
    let node_dir = stack.node(ORGANISATION)?.dir().to_owned();
    configure(&node_dir.join("node.toml"), key, &address)?;
    let office = stack.coordinator_dir();
    configure(&office.join("coordinator.toml"), key, &address)?;
    stop_coordinator(&mut stack)?;
    serve_coordinator(&mut stack, "again.log").await?;
    stack.start_node(ORGANISATION, None)?;
    stack.nodes_are_online(6).await?;
    let query = stack.ask(&question(1_000_000), 600).await?;
    stack.release_of(&query).await?;
    let (node_db, city_db) = (node_dir.join("node.db"), office.join("coordinator.db"));
    let (old_node, old_city) = (path("node.db"), path("city.db"));
    copy_of(&node_db, &old_node).await?;
    copy_of(&city_db, &old_city).await?;
    let copied: i64 = number_in(&old_city, "SELECT COUNT(*) FROM entries").await?;
    let query = stack.ask(&question(2_000_000), 600).await?;
    stack.release_of(&query).await?;

    // What was answered is cosigned by the coordinator and by the witness, and a verifier can demand it.
    let (node_pack, city_pack) = (path("node.zip"), path("city.zip"));
    let export = ["audit", "export"];
    (stack.node(ORGANISATION)?)
        .command(&export, &["--out", text(&node_pack)?])
        .await?;
    // The witness has seen more of the coordinator's log than the copy holds.
    let began = Instant::now();
    let furthest = "SELECT COALESCE(MAX(size), 0) FROM witness_cosignatures";
    while number_in(&city_db, furthest).await? <= copied {
        ensure!(began.elapsed() < PATIENCE, "{}", stack.tails());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    export_coordinator(&stack, &city_pack).await?;
    let cosigned = member(&city_pack, "cosigned.jsonl")?;
    ensure!(cosigned.contains(&format!("{NAME} ")), "{cosigned}");
    for program in ["node-agent", "coordinator"] {
        let packs = [node_pack.as_path(), city_pack.as_path()];
        let two = verified(program, &packs, &known, "2").await?;
        ensure!(two.code == Some(0), "{}{}", two.stdout, two.stderr);
        let three = verified(program, &packs[..1], &known, "3").await?;
        ensure!(three.code == Some(3), "{}", three.stdout);
        ensure!(three.stdout.contains("uncosigned"), "{}", three.stdout);
    }
    let show = ["audit", "witness", "show", "--dir", text(&dir)?];
    let shown = run("node-agent", &show, "").await?;
    ensure!(shown.code == Some(0), "{}{}", shown.stdout, shown.stderr);
    ensure!(
        shown.stdout.contains(protocol::COORDINATOR_LOG),
        "{}",
        shown.stdout
    );

    // Backups of the same moment, put in the place of both.
    stack.kill_node(ORGANISATION)?;
    stop_coordinator(&mut stack)?;
    put_back(&old_node, &node_db)?;
    put_back(&old_city, &city_db)?;
    serve_coordinator(&mut stack, "back.log").await?;
    stack.start_node(ORGANISATION, None)?;
    stack.nodes_are_online(6).await?;
    stack.logged(&["witness-history-differs", NAME]).await?;
    let _ = stack.ask(&question(3_000_000), 600).await?;
    let code = "second-witness-history-differs";
    stack
        .node_logged(ORGANISATION, EntryKind::Alarm, code)
        .await?;
    let balance = stack.node(ORGANISATION)?.balance().await?;
    ensure!(balance.charges == 1, "{balance:?}");
    // Whoever looks at the node is told, in both languages, and what to do.
    for (language, said) in [
        ("en", ["DOES NOT COSIGN", "saw another history"]),
        ("it", ["NON FIRMA", "un'altra storia"]),
    ] {
        let node = stack.node(ORGANISATION)?;
        let status = node.command(&["status", "--lang", language], &[]).await?;
        for words in [NAME, "node-agent restore"].iter().chain(&said) {
            ensure!(status.contains(words), "{words}: {status}");
        }
    }
    Ok(())
}
