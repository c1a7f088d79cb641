//! Migrations compiled into the program, in the order of their numbers.
//! It never reads migrations from disk, so a program carries exactly the schema it was tested with.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A migrator from `(number, name, SQL)` steps. An applied step is never edited: its checksum is compared on
/// every start, and a difference stops the program.
pub fn migrator(steps: &[(i64, &'static str, &'static str)]) -> Migrator {
    Migrator::with_migrations(
        steps
            .iter()
            .map(|&(number, name, sql)| {
                Migration::new(
                    number,
                    name.into(),
                    MigrationType::Simple,
                    sql.into_sql_str(),
                    false,
                )
            })
            .collect(),
    )
}
