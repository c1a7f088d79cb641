//! Whoever holds the coordinator's database, but not the checkpoint that a reader kept, cannot change what its log says: 1,000 random edits
//! of the log's rows with the triggers gone are found in the pack made afterwards, or no pack can be made. Maintenance is not mistaken.

mod support;

use ::evidence::{Trust, verify};
use audit::{LogSigner, NoteKey};
use coordinator::app::evidence;
use coordinator::store::{Database, log, organisations};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::Path;
use support::{Bed, question};

const TABLES: [&str; 4] = ["entries", "bodies", "tree", "subtrees"];
const EDITS: usize = 1_000;

/// SplitMix64, so that a failure repeats itself.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((z ^ (z >> 31)) % bound.unsigned_abs()).unwrap()
    }
}

async fn opened(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn run(connection: &mut SqliteConnection, statement: String) -> bool {
    let done = sqlx::query(AssertSqlSafe(statement))
        .execute(connection)
        .await;
    done.is_ok_and(|done| done.rows_affected() > 0)
}

async fn drop_triggers(connection: &mut SqliteConnection) {
    let names: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
    for (name,) in names {
        sqlx::query(AssertSqlSafe(format!("DROP TRIGGER {name}")))
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

/// One edit: a value changed, a row gone, the rows from one on gone, two rows' values swapped. `None` where it could not be made.
async fn edit(connection: &mut SqliteConnection, numbers: &mut Numbers) -> Option<String> {
    let table = TABLES[usize::try_from(numbers.below(4)).unwrap()];
    let rows: Vec<(i64,)> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT rowid FROM {table} ORDER BY rowid"
    )))
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let columns: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT name FROM pragma_table_info('{table}')"
    )))
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let mut row = || rows[usize::try_from(numbers.below(rows.len() as i64)).unwrap()].0;
    let (one, other) = (row(), row());
    let (column,) = &columns[usize::try_from(numbers.below(columns.len() as i64)).unwrap()];
    let statement = match numbers.below(8) {
        0 => format!("DELETE FROM {table} WHERE rowid = {one}"),
        1 => format!("DELETE FROM {table} WHERE rowid >= {one}"),
        2 | 3 => {
            let copied = format!(
                "CREATE TEMP TABLE swapped AS SELECT {one} + {other} - rowid AS id, {column} AS value FROM {table} \
                 WHERE rowid IN ({one}, {other})"
            );
            sqlx::query(AssertSqlSafe(copied))
                .execute(&mut *connection)
                .await
                .ok()?;
            format!(
                "UPDATE {table} SET {column} = (SELECT value FROM swapped WHERE id = {table}.rowid) \
                 WHERE {one} <> {other} AND rowid IN ({one}, {other})"
            )
        }
        _ => format!(
            "UPDATE {table} SET {column} = CASE typeof({column}) WHEN 'integer' THEN {column} + 1 WHEN 'text' THEN \
             replace({column} || 'x', '1', '2') ELSE CAST(x'00' || substr({column}, 2) AS BLOB) END WHERE rowid = {one}"
        ),
    };
    run(connection, statement.clone())
        .await
        .then_some(statement)
}

/// The members of a pack but its manifest, which holds the time.
fn members(pack: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(pack)).unwrap();
    (0..archive.len())
        .filter_map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let name = member.name().unwrap().into_owned();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (name != "manifest.note").then_some((name, bytes))
        })
        .collect()
}

/// The pack of the database as this connection sees it; `None` where none can be made.
async fn packed(
    connection: &mut SqliteConnection,
    signer: &LogSigner,
    now: i64,
) -> Option<Vec<u8>> {
    let contents = evidence::contents_on_conn(connection, signer, None, now, None).await;
    ::evidence::write(&contents.ok()?, signer).ok()
}

async fn exported(path: &Path, signer: &LogSigner, now: i64) -> Option<Vec<u8>> {
    let database = Database::open(path, signer.clone()).await.ok()?;
    evidence::export(&database, None, now).await.ok()
}

#[tokio::test]
async fn random_edits_of_the_logs_rows_are_found_and_maintenance_is_not() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    for number in 0..3 {
        city.asked(&question(1_000 + number), &format!("key-{number}"))
            .await;
        for node in &city.nodes {
            node.answers(1).await.expect(200);
        }
    }
    let now = bed.app.clock.now();
    let signer = bed.app.database.signer().clone();
    let mut keys = format!("{}\n{}\n", signer.log_key(), signer.witness_key());
    let mut reader = bed.app.database.read().await.unwrap();
    for organisation in organisations::organisations(&mut reader).await.unwrap() {
        if let Some(known) = organisation.keys {
            let key = NoteKey::log(&protocol::node_log(&organisation.id), known.node.0).unwrap();
            keys.push_str(&format!("{key}\n"));
        }
    }
    let mut trust = Trust::from_keys("keys", &keys).unwrap();
    let head = log::checkpoint(&mut reader, &signer).await.unwrap();
    trust.add_checkpoint("head", &head.to_string()).unwrap();
    drop(reader);
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base.db");
    // A copy of its own for each use: connections of a database let go close in the background, and write what they still hold.
    let copied = |name: &str| {
        let copy = folder.path().join(name);
        std::fs::copy(&base, &copy).unwrap();
        copy
    };
    {
        let mut connection = opened(&bed.config.database).await;
        let path = base.to_str().unwrap();
        sqlx::query("VACUUM INTO $1")
            .bind(path)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let whole = exported(&copied("whole.db"), &signer, now).await.unwrap();
    let holds = |pack: Vec<u8>| {
        verify(&[("c".to_owned(), pack)], &trust).is_ok_and(|report| report.holds())
    };
    assert!(holds(whole.clone()));

    let mut numbers = Numbers(5);
    let (mut made, mut found, mut missed) = (0, 0, Vec::new());
    // Each edit in a transaction that is taken back once the pack of what it shows was made.
    let mut connection = opened(&copied("changed.db")).await;
    drop_triggers(&mut connection).await;
    while made < EDITS {
        run(&mut connection, "BEGIN".to_owned()).await;
        let edited = edit(&mut connection, &mut numbers).await;
        let pack = packed(&mut connection, &signer, now).await;
        run(&mut connection, "ROLLBACK".to_owned()).await;
        let Some(edited) = edited else {
            continue;
        };
        made += 1;
        match pack {
            None => found += 1,
            // A copy of a fact beside the header that no entry is made of.
            Some(pack) if members(&pack) == members(&whole) => {}
            Some(pack) if holds(pack.clone()) => missed.push(edited),
            Some(_) => found += 1,
        }
    }
    let last = packed(&mut connection, &signer, now).await.unwrap();
    assert_eq!(
        members(&last),
        members(&whole),
        "an edit was not taken back"
    );
    connection.close().await.unwrap();
    assert_eq!(missed, Vec::<String>::new());
    // What they change of the stored tree, and of copies beside the headers, is in no pack; the program looks at those when it opens.
    assert!(
        found > EDITS * 2 / 5,
        "only {found} of {EDITS} edits said anything"
    );

    for statement in [
        "VACUUM",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "REINDEX",
        "ANALYZE",
    ] {
        let mut connection = opened(&base).await;
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        let pack = exported(&base, &signer, now).await.unwrap();
        assert_eq!(members(&pack), members(&whole), "{statement}");
    }
}
