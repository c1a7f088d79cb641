//! Database servers that a test starts for itself in a temporary folder, on the loopback, and stops again.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server and its folder.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    for version in std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
    {
        folders.push(version.path().join("bin"));
    }
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id");
    id.stdout.starts_with(b"0\n")
}

/// PostgreSQL refuses to run as root; then it runs as nobody.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program);
    command
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// Waits until a server takes connections. A minute is far more than any needs, and decides nothing but a failure.
fn wait(port: u16, child: &mut Child) {
    let end = Instant::now() + Duration::from_secs(60);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = child.try_wait().expect("a process");
        assert!(
            ended.is_none() && Instant::now() < end,
            "the server does not start"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A PostgreSQL whose user `postgres` needs no password from this machine; `None` where it is not installed.
pub(crate) fn postgres(configuration: &[(&str, String)]) -> Option<Server> {
    let (initdb, postgres) = (find("initdb")?, find("postgres")?);
    let folder = tempfile::tempdir().expect("a folder");
    if is_root() {
        std::os::unix::fs::chown(folder.path(), Some(65_534), Some(65_534)).expect("given away");
    }
    let data = folder.path().join("data");
    let made = quiet(unprivileged(&initdb).arg("-D").arg(&data).args([
        "-U",
        "postgres",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C",
    ]))
    .status();
    assert!(made.expect("initdb").success());
    let port = free_port();
    let mut command = unprivileged(&postgres);
    command
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string(), "-k", ""]);
    command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
    for (key, value) in configuration {
        command.args(["-c", &format!("{key}={value}")]);
    }
    let mut child = quiet(&mut command).spawn().expect("postgres");
    wait(port, &mut child);
    // It takes connections before it answers them.
    let state = data.join("postmaster.pid");
    while !std::fs::read_to_string(&state)
        .unwrap_or_default()
        .contains("ready")
    {
        assert!(
            child.try_wait().expect("a process").is_none(),
            "the server ends"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(Server {
        child,
        port,
        _folder: folder,
    })
}

/// A MariaDB with a user `reader` without a password and a database `crm`; `None` where it is not installed.
pub(crate) fn mariadb() -> Option<Server> {
    let (install, server) = (find("mariadb-install-db")?, find("mariadbd")?);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let user = if is_root() {
        "--user=root"
    } else {
        "--skip-name-resolve"
    };
    let made = quiet(
        Command::new(install)
            .arg("--no-defaults")
            .arg(format!("--datadir={}", data.display()))
            .args([
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                user,
            ]),
    )
    .status();
    assert!(made.expect("mariadb-install-db").success());
    let start = folder.path().join("start.sql");
    let statements = "CREATE DATABASE crm;CREATE USER reader@'%';CREATE USER writer@'%';\
                      GRANT ALL ON crm.* TO writer@'%';GRANT SELECT ON crm.* TO reader@'%';";
    std::fs::write(&start, statements.replace(';', ";\n")).expect("written");
    let port = free_port();
    let mut command = Command::new(server);
    command
        .arg("--no-defaults")
        .arg(format!("--datadir={}", data.display()))
        .arg(user);
    command
        .arg(format!("--port={port}"))
        .arg("--bind-address=127.0.0.1");
    command.arg(format!(
        "--socket={}",
        folder.path().join("socket").display()
    ));
    command.arg(format!(
        "--pid-file={}",
        folder.path().join("pid").display()
    ));
    command
        .arg(format!("--init-file={}", start.display()))
        .arg("--innodb-flush-log-at-trx-commit=0")
        // As in Italy in winter.
        .arg("--default-time-zone=+01:00");
    let mut child = quiet(&mut command).spawn().expect("mariadbd");
    wait(port, &mut child);
    Some(Server {
        child,
        port,
        _folder: folder,
    })
}
