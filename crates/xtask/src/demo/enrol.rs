//! Sets a demonstration up as its people would: the operator makes the coordinator and invites, each organisation
//! makes its node and joins, the requester proposes a study, each data protection officer countersigns it.
//! Every act is one command of the real programs, done once.

use super::city::City;
use super::plan::{self, STUDY};
use super::progress::Step;
use super::state::{State, write_private};
use crate::workspace::{Workspace, output};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// The folders of a demonstration.
pub(super) struct Places<'a> {
    /// Where the programs are.
    pub(super) workspace: &'a Workspace,
    /// The demonstration's folder.
    pub(super) dir: &'a Path,
}

impl Places<'_> {
    /// The coordinator's folder.
    pub(super) fn coordinator(&self) -> PathBuf {
        self.dir.join("coordinator")
    }

    /// The coordinator's configuration.
    pub(super) fn coordinator_config(&self) -> PathBuf {
        self.coordinator().join("coordinator.toml")
    }

    /// A node's folder.
    pub(super) fn node(&self, organisation: &str) -> PathBuf {
        self.dir.join("nodes").join(organisation)
    }

    /// An officer's key. It stands for the stick in the officer's pocket: no process of the node reads it.
    fn officer_key(&self, organisation: &str) -> PathBuf {
        self.dir.join("dpo").join(organisation).join("dpo.key")
    }

    fn logins(&self) -> PathBuf {
        self.dir.join("logins.json")
    }

    /// A command of the coordinator.
    pub(super) fn coordinator_command(&self) -> Command {
        Command::new(self.workspace.program("coordinator"))
    }

    /// A command of the node agent.
    pub(super) fn node_command(&self) -> Command {
        Command::new(self.workspace.program("node-agent"))
    }
}

/// Makes the coordinator and one account for each role; returns the logins.
///
/// # Errors
/// When a command fails; then with what it says.
pub(super) fn coordinator(
    places: &Places,
    state: &mut State,
    organisations: &[String],
) -> Result<Value> {
    if !state.is_done("coordinator") {
        clear(&places.coordinator())?;
        output(
            places
                .coordinator_command()
                .args(["admin", "init", "--dir"])
                .arg(places.coordinator()),
        )
        .context("the coordinator cannot be made")?;
        state.record("coordinator", "")?;
    }
    if !state.is_done("logins") {
        let organisation = organisations.get(1).unwrap_or(&organisations[0]);
        let accounts = [
            ("analyst", &organisations[0]),
            ("organisation", organisation),
            ("dpo", &organisations[0]),
            ("admin", &organisations[0]),
        ];
        let mut logins = serde_json::Map::new();
        for (role, organisation) in accounts {
            let password = password()?;
            account(places, role, organisation, &password)?;
            logins.insert(
                role.to_owned(),
                json!({ "name": role, "password": password, "organisation": organisation }),
            );
        }
        write_private(&places.logins(), &format!("{:#}\n", Value::Object(logins)))?;
        state.record("logins", "")?;
    }
    let logins =
        std::fs::read(places.logins()).context("the logins are gone; start again with --fresh")?;
    Ok(serde_json::from_slice(&logins)?)
}

fn account(places: &Places, role: &str, organisation: &str, password: &str) -> Result<()> {
    // Through a file rather than a pipe, so that the command can be run like every other.
    let beside = places.dir.join("password");
    write_private(&beside, password)?;
    let made = output(
        places
            .coordinator_command()
            .args(["admin", "account", "add", "--config"])
            .arg(places.coordinator_config())
            .args([
                "--name",
                role,
                "--role",
                role,
                "--organisation",
                organisation,
                "--password-stdin",
            ])
            .stdin(Stdio::from(std::fs::File::open(&beside)?)),
    );
    std::fs::remove_file(&beside)?;
    made.with_context(|| format!("the account `{role}` cannot be made"))?;
    Ok(())
}

/// Makes each node and has it join the running coordinator.
///
/// # Errors
/// When a command fails; then with what it says.
pub(super) fn nodes(places: &Places, state: &mut State, city: &City) -> Result<()> {
    let organisations = city.ids();
    let step = Step::start("enrolling", organisations.len());
    for member in &city.organisations {
        let organisation = &member.id;
        let done = format!("joined:{organisation}");
        if !state.is_done(&done) {
            let requester =
                (state.step("requester-key")).map(|key| (organisations[0].clone(), key.to_owned()));
            if let Some(key) = init(places, city, organisation, requester)? {
                state.record("requester-key", &key)?;
            }
            join(
                places,
                organisation,
                &member.name,
                &city.offer(organisation),
            )?;
            state.record(&done, "")?;
        }
        step.advance(organisation);
    }
    step.done(&format!("{} nodes enrolled", organisations.len()));
    Ok(())
}

/// Makes a node's folder. The first organisation asks, so its node returns the key that signs its questions.
fn init(
    places: &Places,
    city: &City,
    organisation: &str,
    requester: Option<(String, String)>,
) -> Result<Option<String>> {
    let asks = requester
        .as_ref()
        .is_none_or(|(requester, _)| requester == organisation);
    clear(&places.node(organisation))?;
    let officer = places.officer_key(organisation);
    clear(officer.parent().context("a key lies in a folder")?)?;
    std::fs::create_dir_all(officer.parent().context("a key lies in a folder")?)?;
    let dpo_key = output(
        places
            .node_command()
            .args(["keygen", "--out"])
            .arg(&officer),
    )?;
    let mut command = places.node_command();
    command
        .arg("init")
        .arg("--dir")
        .arg(places.node(organisation))
        .arg("--register")
        .arg(city.register(organisation))
        .args([
            "--organisation",
            organisation,
            "--dpo-key",
            dpo_key.trim(),
            "--yes",
        ]);
    match requester.filter(|_| !asks) {
        Some((requester, key)) => {
            command.args(["--requester", &requester, "--requester-key", &key])
        }
        None => command.arg("--asks"),
    };
    let said = output(&mut command)
        .with_context(|| format!("the node of {organisation} cannot be made"))?;
    if !asks {
        return Ok(None);
    }
    let key = said
        .lines()
        .find_map(|line| line.strip_prefix("requester key "));
    Ok(Some(
        key.context("the requester's node did not say its key")?
            .trim()
            .to_owned(),
    ))
}

fn join(places: &Places, organisation: &str, name: &str, offer: &Path) -> Result<()> {
    let invitation = output(
        places
            .coordinator_command()
            .args(["admin", "join-token", "--config"])
            .arg(places.coordinator_config())
            .args(["--organisation", organisation, "--name", name]),
    )
    .with_context(|| format!("{organisation} cannot be invited"))?;
    let invitation = (invitation.lines())
        .map(str::trim)
        .find(|line| line.starts_with("wi1."))
        .context("the coordinator printed no join string")?;
    output(
        places
            .node_command()
            .args(["join", "--dir"])
            .arg(places.node(organisation))
            .arg(invitation),
    )
    .with_context(|| format!("the node of {organisation} cannot join"))?;
    output(
        places
            .node_command()
            .args(["offer", "publish", "--dir"])
            .arg(places.node(organisation))
            .arg("--file")
            .arg(offer),
    )
    .with_context(|| format!("the offer of {organisation} cannot be published"))?;
    Ok(())
}

/// Has the study signed by the first organisation and countersigned by every officer.
///
/// # Errors
/// When a command fails; then with what it says.
pub(super) fn study(places: &Places, state: &mut State, organisations: &[String]) -> Result<()> {
    let requester = organisations.first().context("a city has organisations")?;
    let step = Step::start("signing the study", 1 + organisations.len());
    if !state.is_done("study") {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let file = places.dir.join("study.json");
        let study = plan::study(organisations, i64::try_from(now)?);
        write_private(&file, &format!("{study:#}\n"))?;
        output(
            places
                .node_command()
                .args(["study", "propose", "--dir"])
                .arg(places.node(requester))
                .arg("--file")
                .arg(&file),
        )
        .context("the study cannot be proposed")?;
        state.record("study", STUDY)?;
    }
    step.advance("data protection officers");
    for organisation in organisations {
        let done = format!("countersigned:{organisation}");
        if !state.is_done(&done) {
            output(
                places
                    .node_command()
                    .args(["study", "countersign", "--dir"])
                    .arg(places.node(organisation))
                    .args(["--study", STUDY, "--dpo-key"])
                    .arg(places.officer_key(organisation)),
            )
            .with_context(|| format!("the officer of {organisation} cannot countersign"))?;
            state.record(&done, "")?;
        }
        step.advance(organisation);
    }
    step.done("study signed and countersigned");
    Ok(())
}

/// Removes a folder that an interrupted step left half made.
fn clear(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot clear {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// A password of 20 letters and digits without those that look alike: 100 bits.
fn password() -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 20];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let letters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(letters
        .chunks(5)
        .map(|group| group.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join("-"))
}

/// Sets the top-level `key` of a TOML file to a text, in its line or a new first one.
///
/// # Errors
/// When the file cannot be read or written, or has more than one such line.
pub(super) fn set(file: &Path, key: &str, value: &str) -> Result<()> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let is_it = |line: &&str| {
        let rest = line.trim_start().strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let found = text.lines().filter(is_it).count();
    ensure!(
        found <= 1,
        "{} has {found} lines `{key} = ...`",
        file.display()
    );
    // A literal string: what stands in it stands for itself.
    let line = format!("{key} = '{value}'");
    let first = (found == 0).then_some(line.as_str());
    let lines = text
        .lines()
        .map(|old| if is_it(&old) { line.as_str() } else { old });
    let new: String = first
        .into_iter()
        .chain(lines)
        .flat_map(|line| [line, "\n"])
        .collect();
    if new != text {
        write_private(file, &new)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_and_are_long() {
        let (one, other) = (password().expect("made"), password().expect("made"));
        assert_ne!(one, other);
        assert_eq!(one.len(), 23);
    }

    #[test]
    fn one_line_of_a_configuration_is_set_and_the_others_stay() {
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("node.toml");
        std::fs::write(
            &file,
            "version = 1\ncoordinator = \"127.0.0.1:1\"\n[dataset]\nid = 'x'\n",
        )
        .expect("written");
        let check = |key: &str, value: &str, after: &str| {
            set(&file, key, value).expect("set");
            assert_eq!(std::fs::read_to_string(&file).expect("read"), after);
        };
        check(
            "coordinator",
            "b:2",
            "version = 1\ncoordinator = 'b:2'\n[dataset]\nid = 'x'\n",
        );
        check(
            "coord",
            "c",
            "coord = 'c'\nversion = 1\ncoordinator = 'b:2'\n[dataset]\nid = 'x'\n",
        );
    }

    #[test]
    fn clearing_what_is_not_there_is_no_error() {
        let dir = tempfile::tempdir().expect("folder");
        clear(&dir.path().join("none")).expect("cleared");
    }
}
