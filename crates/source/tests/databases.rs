//! Registers on servers: the same snapshot, read by a user who can only read, over TLS where there is a network.

mod support;

use source::Local;
use sqlx::Connection;
use support::{build, city, mapping, nothing, server, skip, try_build};

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

fn local(text: &str) -> Local {
    Local::parse(&format!("version = 1\n[register]\n{text}")).expect("a configuration")
}

#[test]
fn a_register_on_postgresql_is_read_through_a_cursor_and_nothing_is_written() {
    let Some(server) = server::postgres(&[]) else {
        return skip("PostgreSQL");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (path, register) = city(folder.path());
    let (plain, quality) = build(&path.display().to_string(), &nothing(), &mapping(&[]));
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port);
    wait_for(async {
        let mut connection = sqlx::PgConnection::connect(&format!("{url}?sslmode=disable"))
            .await
            .expect("connected");
        for statement in register.sql('"', "NUMERIC(12,2)") {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .expect("filled");
        }
        let more = "CREATE TABLE hits (n int); CREATE FUNCTION hit() RETURNS int LANGUAGE sql AS 'INSERT INTO hits VALUES (1) RETURNING n';\
                    CREATE TABLE dated AS SELECT *, to_date(\"DATA\", 'DD/MM/YYYY') AS day FROM register, generate_series(1, 3) WHERE \"DATA\" ~ '^0[1-9]/'";
        sqlx::raw_sql(more)
            .execute(&mut connection)
            .await
            .expect("made");
    });
    let municipal = mapping(&[]);
    let (same, again) = build(&url, &local("table = \"public.register\""), &municipal);
    assert!(same.holds_the_same_as(&plain));
    assert_eq!(
        (again.rows, again.loaded, again.persons),
        (quality.rows, quality.loaded, quality.persons)
    );

    // Real dates are written as the mapping says; more rows than one fetch.
    let dated = mapping(&[("date = \"DATA\"", "date = \"day\"")]);
    let (as_date, dates) = build(&url, &local("table = \"dated\""), &dated);
    let (as_text, texts) = build(&url, &local("query = \"select * from dated\""), &municipal);
    assert!(
        as_date.holds_the_same_as(&as_text) && dates.rows > 2_000 && dates.loaded == texts.loaded
    );

    // A query that would write is refused by the server; a table that is not there is named without its rows.
    for (text, expected) in [
        (
            "query = \"select hit() as a, r.* from register r\"",
            "only reading is allowed",
        ),
        ("table = \"nothing\"", "has no such table"),
        (
            "query = \"select nothing from register\"",
            "has no such column",
        ),
        ("query = \"drop table register\"", "write one SELECT"),
    ] {
        let error = try_build(&url, &local(text), &municipal).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    let nobody = url.replace("postgres@", "nobody@");
    let error =
        try_build(&nobody, &local("table = \"register\""), &municipal).expect_err("refused");
    assert!(error.contains("refuses the user"), "{error}");
    let closed = format!("postgres://postgres@127.0.0.1:{}/postgres", 1);
    let error =
        try_build(&closed, &local("table = \"register\""), &municipal).expect_err("refused");
    assert!(error.contains("does not answer"), "{error}");
}

#[test]
fn over_the_network_a_server_must_show_a_certificate_of_the_named_authority() {
    let Some(plain) = server::postgres(&[]) else {
        return skip("PostgreSQL");
    };
    // 127.0.0.2 is this machine, too, but not one of the names that go without TLS. This server has none.
    let url = format!("postgres://postgres@127.0.0.2:{}/postgres", plain.port);
    let error =
        try_build(&url, &local("query = \"select 1\""), &mapping(&[])).expect_err("refused");
    assert!(
        error.contains("does not answer") || error.contains("TLS"),
        "{error}"
    );

    let folder = tempfile::tempdir().expect("a folder");
    let certified = |name: &str| {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let (certificate, key) = (
            folder.path().join(format!("{name}.crt")),
            folder.path().join(format!("{name}.key")),
        );
        std::fs::write(&certificate, made.cert.pem()).expect("written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("set");
        for path in [folder.path(), certificate.as_path(), key.as_path()] {
            // As root the server runs as nobody; as another user nothing needs to be given away.
            let _ = std::os::unix::fs::chown(path, Some(65_534), Some(65_534));
        }
        (certificate, key)
    };
    let (certificate, key) = certified("good");
    let (other, _) = certified("other");
    let set = |path: &std::path::Path| path.display().to_string();
    let configuration = [
        ("ssl", "on".to_owned()),
        ("ssl_cert_file", set(&certificate)),
        ("ssl_key_file", set(&key)),
    ];
    let server = server::postgres(&configuration).expect("PostgreSQL");
    // A named authority asks for TLS on the loopback, too.
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port);
    let query = "query = \"select ssl::text as tls from pg_stat_ssl where pid = pg_backend_pid()\"";
    let records = |authority: &std::path::Path| {
        let config = local(&format!(
            "{query}\nca_file = {:?}",
            authority.display().to_string()
        ));
        let place = source::Place::of(&url, &config.register).expect("a place");
        source::open(&place, None, source::Notation::PLAIN)
    };
    let mut good = records(&certificate).expect("opened");
    let mut batch = snapshot::Batch::default();
    assert!(good.next(&mut batch).expect("read"));
    assert_eq!(batch.records().next().expect("a row").field(0), "true");
    let error = records(&other)
        .map(|_| ())
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("its certificate is of another authority"),
        "{error}"
    );
}

#[test]
fn a_register_on_mariadb_is_read_by_a_user_who_can_only_read() {
    let Some(server) = server::mariadb() else {
        return skip("MariaDB");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (path, register) = city(folder.path());
    let (plain, quality) = build(&path.display().to_string(), &nothing(), &mapping(&[]));
    let url = |user: &str| format!("mysql://{user}@127.0.0.1:{}/crm", server.port);
    wait_for(async {
        let url = format!("{}?ssl-mode=DISABLED", url("writer"));
        let mut connection = sqlx::MySqlConnection::connect(&url)
            .await
            .expect("connected");
        for statement in register.sql('`', "DECIMAL(12,2)") {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .expect("filled");
        }
    });
    // A day that somebody entered as the moment in which it begins stays that day.
    wait_for(async {
        let url = format!("{}?ssl-mode=DISABLED", url("writer"));
        let mut connection = sqlx::MySqlConnection::connect(&url)
            .await
            .expect("connected");
        let stamped = "SET time_zone = '+01:00'; CREATE TABLE stamped (seen TIMESTAMP NULL); \
                       INSERT INTO stamped VALUES ('2026-03-01 00:00:00')";
        sqlx::raw_sql(stamped)
            .execute(&mut connection)
            .await
            .expect("filled");
    });
    let place = source::Place::of(&url("reader"), &local("table = \"stamped\"").register);
    let place = place.expect("a place");
    let mut stamped = source::open(&place, None, source::Notation::PLAIN).expect("opened");
    let mut batch = snapshot::Batch::default();
    assert!(stamped.next(&mut batch).expect("read"));
    assert_eq!(
        batch.records().next().expect("a row").field(0),
        "2026-03-01"
    );

    let municipal = mapping(&[]);
    let reader = url("reader").replace("mysql:", "mariadb:");
    let (same, again) = build(&reader, &local("table = \"register\""), &municipal);
    assert!(same.holds_the_same_as(&plain));
    assert_eq!(
        (again.rows, again.loaded, again.persons),
        (quality.rows, quality.loaded, quality.persons)
    );
    let error =
        try_build(&url("reader"), &local("table = \"nothing\""), &municipal).expect_err("refused");
    assert!(error.contains("has no such table"), "{error}");
}
