//! Evidence packs over real processes: what nodes and coordinator export holds together, offline and by their own programs;
//! a restored copy and an altered pack do not; maintenance of the database changes nothing.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::Path;
use system_tests::process::{Finished, run};
use system_tests::stack::Stack;

const ORGANISATION: &str = "cooperativa-lambro";

fn question(rho: u64) -> serde_json::Value {
    json!({
        "version": 1, "measure": "persons", "by": { "area": "municipio" },
        "period": { "from": "2025-01", "to": "2025-12" },
        "bounds": { "cells": 1, "per_cell": 1 }, "rho": rho,
    })
}

/// The text of a member of a pack.
fn member(pack: &Path, name: &str) -> Result<String> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(pack)?)?;
    Ok(std::io::read_to_string(archive.by_name(name)?)?)
}

async fn verified(
    program: &str,
    packs: &[&Path],
    keys: &Path,
    head: Option<&Path>,
) -> Result<Finished> {
    let mut words = vec!["audit", "verify"];
    for pack in packs {
        words.push(pack.to_str().context("a path in UTF-8")?);
    }
    words.extend(["--keys", keys.to_str().context("a path in UTF-8")?]);
    if let Some(head) = head {
        words.extend(["--checkpoint", head.to_str().context("a path in UTF-8")?]);
    }
    run(program, &words, "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packs_of_both_sides_hold_together_and_an_altered_or_older_one_does_not() -> Result<()> {
    let mut stack = Stack::start(0.001, 1_000_000_000).await?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let older = path("older.db");
    for rho in [1_000_000, 2_000_000] {
        let query = stack.ask(&question(rho), 600).await?;
        stack.release_of(&query).await?;
        if rho == 1_000_000 {
            copy_database(&stack.node(ORGANISATION)?.dir().join("node.db"), &older).await?;
        }
    }
    let node_pack = path("node.zip");
    let city_pack = path("coordinator.zip");
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a path in UTF-8");
    stack
        .node(ORGANISATION)?
        .command(&["audit", "export"], &["--out", &text(&node_pack)?])
        .await?;
    let config = stack.coordinator_dir().join("coordinator.toml");
    let export = [
        "audit",
        "export",
        "--config",
        &text(&config)?,
        "--out",
        &text(&city_pack)?,
    ];
    let exported = run("coordinator", &export, "").await?;
    ensure!(exported.code == Some(0), "{}", exported.stderr);

    // A test has no other way to receive keys than the packs' own word for them.
    let keys = path("keys.txt");
    std::fs::write(&keys, member(&city_pack, "keys.txt")?)?;
    let head = path("head.note");
    std::fs::write(&head, member(&node_pack, "checkpoint.note")?)?;
    for program in ["node-agent", "coordinator"] {
        let whole = verified(program, &[&node_pack, &city_pack], &keys, Some(&head)).await?;
        ensure!(whole.code == Some(0), "{}\n{}", whole.stdout, whole.stderr);
        ensure!(whole.stdout.contains("holds"), "{}", whole.stdout);
    }
    // Each cosigned the other's log: the node a head of the coordinator's, too.
    let seen = format!("{}\\n", protocol::COORDINATOR_LOG);
    for pack in [&node_pack, &city_pack] {
        ensure!(member(pack, "cosigned.jsonl")?.contains(&seen));
    }
    ensure!(!member(&node_pack, "entries.jsonl")?.is_empty());
    ensure!(member(&node_pack, "entries.csv")?.contains("\"charge\""));

    // Maintenance of the database leaves the same log.
    stack.kill_node(ORGANISATION)?;
    let database = stack.node(ORGANISATION)?.dir().join("node.db");
    for statement in ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        execute(&database, statement).await?;
    }
    let again = path("again.zip");
    let node = stack.node(ORGANISATION)?;
    node.command(&["audit", "export"], &["--out", &text(&again)?])
        .await?;
    for name in ["entries.jsonl", "ledger.json", "entries.csv"] {
        ensure!(member(&again, name)? == member(&node_pack, name)?, "{name}");
    }
    ensure!(
        verified("node-agent", &[&again, &city_pack], &keys, Some(&head))
            .await?
            .code
            == Some(0)
    );

    // An older copy of the ledger in its place is shorter than what the coordinator cosigned.
    for ending in ["", "-wal", "-shm"] {
        let path = format!("{}{ending}", database.display());
        if Path::new(&path).exists() {
            std::fs::remove_file(path)?;
        }
    }
    std::fs::copy(&older, &database)?;
    let back = path("back.zip");
    node.command(&["audit", "export"], &["--out", &text(&back)?])
        .await?;
    let found = verified("node-agent", &[&back, &city_pack], &keys, None).await?;
    ensure!(
        found.code == Some(3) && found.stdout.contains("removed"),
        "{}",
        found.stdout
    );

    // A file that is no pack, and a byte of a pack.
    let nothing = path("nothing.zip");
    std::fs::write(&nothing, b"no pack")?;
    ensure!(
        verified("coordinator", &[&nothing], &keys, None)
            .await?
            .code
            == Some(1)
    );
    Ok(())
}

async fn copy_database(from: &Path, to: &Path) -> Result<()> {
    let reader = ledger::LedgerReader::open(from).await?;
    Ok(reader.copy_to(to).await?)
}

async fn execute(database: &Path, statement: &'static str) -> Result<()> {
    use sqlx::Connection as _;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    let mut connection = sqlx::sqlite::SqliteConnection::connect_with(&options).await?;
    sqlx::query(statement).execute(&mut connection).await?;
    Ok(connection.close().await?)
}
