//! A thousand random edits, deletions, swaps and truncations of rows, triggers dropped: every one that changes what the
//! ledger says is found by a verification that is given the checkpoint kept elsewhere.

use super::Place;
use super::tampering::{APPEND_ONLY, drop_triggers, filled, intruder};
use audit::Checkpoint;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Column, Executor, Row, ValueRef};

const EDITS: usize = 1_000;

/// Numbers that repeat themselves: SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below as u64) as usize
    }
}

/// A table with the names and types of its columns and its row ids.
struct Table {
    name: &'static str,
    columns: Vec<(String, String)>,
    rows: Vec<i64>,
}

async fn tables(connection: &mut SqliteConnection) -> Vec<Table> {
    let mut tables = Vec::new();
    for name in APPEND_ONLY.into_iter().chain(["tree"]) {
        // A witness's own words are evidence, not book: they are verified with the witness's key, which is not here.
        if name == "cosignatures" {
            continue;
        }
        let columns: Vec<(String, String)> =
            sqlx::query_as("SELECT name, type FROM pragma_table_info($1)")
                .bind(name)
                .fetch_all(&mut *connection)
                .await
                .unwrap();
        let rows: Vec<(i64,)> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT rowid FROM {name} ORDER BY rowid"
        )))
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        tables.push(Table {
            name,
            columns,
            rows: rows.into_iter().map(|(row,)| row).collect(),
        });
    }
    tables
}

/// Everything that the tables hold, to tell whether an edit changed anything.
async fn content(connection: &mut SqliteConnection, tables: &[Table]) -> Vec<u8> {
    let mut content = Vec::new();
    for table in tables {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|(name, _)| format!("quote({name})"))
            .collect();
        let select = format!(
            "SELECT {} FROM {} ORDER BY 1, 2",
            columns.join(", "),
            table.name
        );
        for row in sqlx::query(AssertSqlSafe(select))
            .fetch_all(&mut *connection)
            .await
            .unwrap()
        {
            for column in row.columns() {
                let value = row.try_get_raw(column.ordinal()).unwrap();
                assert!(!value.is_null());
                content.extend_from_slice(row.get::<String, _>(column.ordinal()).as_bytes());
                content.push(b'|');
            }
        }
        content.push(b'\n');
    }
    content
}

fn edit(tables: &[Table], numbers: &mut Numbers) -> String {
    let table = &tables[numbers.next(tables.len())];
    let (name, row) = (table.name, table.rows[numbers.next(table.rows.len())]);
    let other = table.rows[numbers.next(table.rows.len())];
    let (column, kind) = &table.columns[numbers.next(table.columns.len())];
    let number = numbers.next(50);
    // The tree is one row that the others lead to; it is edited, never swapped.
    let kinds = if name == "tree" { 1 } else { 4 };
    match numbers.next(kinds) {
        0 => {
            let value = match kind.as_str() {
                "INTEGER" => format!("{column} + {}", number + 1),
                "TEXT" => format!(
                    "substr({column}, 1, {number}) || 'x' || substr({column}, {number} + 2)"
                ),
                _ => format!(
                    "CAST(substr({column}, 1, {number}) || x'5a' || substr({column}, {number} + 2) AS BLOB)"
                ),
            };
            format!("UPDATE {name} SET {column} = {value} WHERE rowid = {row}")
        }
        1 => format!("DELETE FROM {name} WHERE rowid = {row}"),
        2 => format!(
            "UPDATE {name} SET {column} = (SELECT t.{column} FROM {name} t WHERE t.rowid = {row} + {other} - {name}.rowid) \
             WHERE rowid IN ({row}, {other})"
        ),
        _ => format!("DELETE FROM {name} WHERE rowid >= {row}"),
    }
}

#[tokio::test]
async fn a_thousand_random_edits_of_rows_are_all_found() {
    let place = Place::new();
    let ledger = filled(&place).await;
    let held: Checkpoint = ledger.checkpoint().await.unwrap().checkpoint().clone();
    let mut intruder = intruder(&place).await;
    drop_triggers(&mut intruder).await;
    intruder
        .execute("PRAGMA ignore_check_constraints = ON")
        .await
        .unwrap();
    let tables = tables(&mut intruder).await;
    let whole = content(&mut intruder, &tables).await;
    let mut numbers = Numbers(7);
    let (mut made, mut missed) = (0, Vec::new());
    while made < EDITS {
        let statement = edit(&tables, &mut numbers);
        intruder.execute("SAVEPOINT before").await.unwrap();
        // A swap of unique values may be refused by the database itself, which changes nothing.
        let done = intruder
            .execute(AssertSqlSafe(statement.clone()))
            .await
            .is_ok();
        if done && content(&mut intruder, &tables).await != whole {
            made += 1;
            let report = crate::verify::verify(&mut intruder, std::slice::from_ref(&held)).await;
            // Rows that cannot be read at all are as good as found.
            if report.is_ok_and(|report| report.is_sound()) {
                missed.push(statement);
            }
        }
        intruder.execute("ROLLBACK TO before").await.unwrap();
        intruder.execute("RELEASE before").await.unwrap();
    }
    assert_eq!(missed, Vec::<String>::new());
    assert_eq!(content(&mut intruder, &tables).await, whole);
    assert!(ledger.verify(&[held]).await.unwrap().is_sound());
}
