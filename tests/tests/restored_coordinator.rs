//! A coordinator restored from an older backup beside serving nodes, over real processes: a node that saw more says so and answers on,
//! its officer sees what was lost, accepts it by signature, and the node cosigns again, with nothing given back.

use anyhow::{Context, Result, ensure};
use audit::EntryKind;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use system_tests::PATIENCE;
use system_tests::backups::{
    copy_of, export_coordinator, member, number_in, put_back, serve_coordinator, stop_coordinator,
};
use system_tests::process::{Finished, run};
use system_tests::stack::Stack;

const ORGANISATION: &str = "cooperativa-lambro";
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const COSIGNED: &str =
    "SELECT COALESCE(MAX(size), 0) FROM log_cosignatures WHERE organisation = 'cooperativa-lambro'";

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

async fn released(stack: &Stack, rho: u64) -> Result<()> {
    let question = json!({
        "version": 1, "measure": "persons", "by": { "area": "municipio" },
        "period": { "from": "2025-01", "to": "2025-12" },
        "bounds": { "cells": 1, "per_cell": 1 }, "rho": rho,
    });
    let query = stack.ask(&question, 600).await?;
    stack.release_of(&query).await.map(drop)
}

/// Waits until the node has cosigned more than `size` entries of the coordinator's log.
async fn cosigned_beyond(stack: &Stack, size: i64) -> Result<i64> {
    let (database, began) = (
        stack.coordinator_dir().join("coordinator.db"),
        Instant::now(),
    );
    loop {
        let cosigned = number_in(&database, COSIGNED).await?;
        if cosigned > size {
            return Ok(cosigned);
        }
        ensure!(began.elapsed() < PATIENCE, "{}", stack.tails());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What the verifier says of both packs as they stand now.
async fn verified(stack: &Stack, folder: &Path, name: &str, keys: &Path) -> Result<Finished> {
    let node_pack = folder.join(format!("{name}-node.zip"));
    let city_pack = folder.join(format!("{name}-city.zip"));
    (stack.node(ORGANISATION)?)
        .command(&["audit", "export"], &["--out", text(&node_pack)?])
        .await?;
    export_coordinator(stack, &city_pack).await?;
    let words = [
        "audit",
        "verify",
        text(&node_pack)?,
        text(&city_pack)?,
        "--keys",
        text(keys)?,
    ];
    run("node-agent", &words, "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_officer_accepts_a_coordinator_that_was_restored_from_a_backup() -> Result<()> {
    let mut stack = Stack::start(0.001, 1_000_000_000).await?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    released(&stack, 1_000_000).await?;
    let database = stack.coordinator_dir().join("coordinator.db");
    let backup = path("backup.db");
    copy_of(&database, &backup).await?;
    let copied = number_in(&backup, "SELECT COUNT(*) FROM entries").await?;
    released(&stack, 2_000_000).await?;

    // The node looks at the coordinator's log when it greets: it has seen more than the backup holds.
    stack.kill_node(ORGANISATION)?;
    stack.start_node(ORGANISATION, None)?;
    cosigned_beyond(&stack, copied).await?;
    let show = ["audit", "coordinator", "show", "--lang", "en"];
    let said = stack.node(ORGANISATION)?.command(&show, &[]).await?;
    ensure!(said.contains("nothing to accept"), "{said}");
    let keys = path("keys.txt");
    let first = path("first.zip");
    (stack.node(ORGANISATION)?)
        .command(&["audit", "export"], &["--out", text(&first)?])
        .await?;
    std::fs::write(&keys, member(&first, "keys.txt")?)?;

    // The nodes serve on while the coordinator goes back to the copy.
    stop_coordinator(&mut stack)?;
    put_back(&backup, &database)?;
    serve_coordinator(&mut stack, "back.log").await?;
    stack.nodes_are_online(6).await?;
    let code = "coordinator-history-differs";
    (stack.node_logged(ORGANISATION, EntryKind::Alarm, code)).await?;
    stack
        .logged(&["coordinator-set-back", ORGANISATION])
        .await?;
    for (language, words) in [
        ("en", "not extended what this node saw"),
        ("it", "non prosegue quello"),
    ] {
        let status = ["status", "--lang", language];
        let status = stack.node(ORGANISATION)?.command(&status, &[]).await?;
        for words in [words, "node-agent audit coordinator show"] {
            ensure!(status.contains(words), "{words}: {status}");
        }
    }
    // It answers on, and whoever compares both logs finds the fork.
    released(&stack, 3_000_000).await?;
    let fork = verified(&stack, folder.path(), "fork", &keys).await?;
    ensure!(fork.code == Some(3), "{}{}", fork.stdout, fork.stderr);

    // What was lost is shown, and nothing is changed by looking.
    let node_dir = stack.node(ORGANISATION)?.dir().to_owned();
    let act = path("act.json");
    let mut words = show.to_vec();
    words.extend([
        "--dir",
        text(&node_dir)?,
        "--out",
        text(&act)?,
        "--reason",
        "a broken disk",
    ]);
    let shown = run("node-agent", &words, "").await?;
    ensure!(shown.code == Some(3), "{}{}", shown.stdout, shown.stderr);
    for words in [
        "WAS SET BACK",
        "coordinator lacks: 1,",
        "without signatures yet",
    ] {
        ensure!(shown.stdout.contains(words), "{words}: {}", shown.stdout);
    }
    let before = stack.node(ORGANISATION)?.balance().await?;

    // Nobody but the officer of the policy in force can accept it.
    let accept = [
        "audit",
        "coordinator",
        "accept",
        "--dir",
        text(&node_dir)?,
        "--act",
        text(&act)?,
    ];
    let unsigned = run("node-agent", &accept, "").await?;
    ensure!(unsigned.code == Some(1), "{}", unsigned.stdout);
    let stranger = path("stranger.key");
    run("node-agent", &["keygen", "--out", text(&stranger)?], "").await?;
    for (key, accepted) in [
        (stranger.as_path(), Some(1)),
        (stack.node(ORGANISATION)?.officer_key(), Some(0)),
    ] {
        let sign = [
            "audit",
            "coordinator",
            "sign",
            "--act",
            text(&act)?,
            "--dpo-key",
            text(key)?,
        ];
        let signed = run("node-agent", &sign, "").await?;
        ensure!(signed.code == Some(0), "{}{}", signed.stdout, signed.stderr);
        let entered = run("node-agent", &accept, "").await?;
        ensure!(
            entered.code == accepted,
            "{}{}",
            entered.stdout,
            entered.stderr
        );
    }
    let again = run("node-agent", &accept, "").await?;
    ensure!(again.code == Some(1), "{}", again.stdout);

    // The serving node cosigns again by itself; nothing came back; the next question is released.
    cosigned_beyond(&stack, copied).await?;
    ensure!(stack.node(ORGANISATION)?.balance().await? == before);
    released(&stack, 4_000_000).await?;
    let after = stack.node(ORGANISATION)?.balance().await?;
    ensure!(after.charges == before.charges + 1, "{after:?}");
    let status = stack
        .node(ORGANISATION)?
        .command(&["status", "--lang", "en"], &[])
        .await?;
    ensure!(!status.contains("audit coordinator show"), "{status}");
    stack.node(ORGANISATION)?.audit().await?;

    // The same verifier, the same keys: an accepted restoration, with the head that was lost as evidence.
    let accepted = verified(&stack, folder.path(), "accepted", &keys).await?;
    ensure!(
        accepted.code == Some(0),
        "{}{}",
        accepted.stdout,
        accepted.stderr
    );
    for words in ["went on from a backup", "as it was before"] {
        ensure!(
            accepted.stdout.contains(words),
            "{words}: {}",
            accepted.stdout
        );
    }
    Ok(())
}
