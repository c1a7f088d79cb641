//! `cargo xtask demo`: a whole city on this computer, with the real programs as separate processes over mutual TLS.
//! It makes what is missing, starts what is there, and stops all it started.

mod ask;
mod build;
mod city;
mod enrol;
mod plan;
mod processes;
mod progress;
mod report;
mod state;

use crate::http::Client;
use crate::interruption;
use crate::setup::{self, Need};
use crate::web;
use crate::workspace::{Workspace, output};
use anyhow::{Context, Result, bail};
use ask::Released;
use city::City;
use clap::Args;
use enrol::Places;
use plan::Plan;
use processes::Processes;
use progress::Step;
use serde_json::{Value, json};
use state::State;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Options of `cargo xtask demo`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Options {
    /// Number of organisations, each with a node of its own [default: 6].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    organisations: Option<u16>,
    /// Size relative to Milan [default: 1, Milan itself: 256,000 clients in registers of 400 MB].
    #[arg(long, value_name = "F", value_parser = scale)]
    scale: Option<f64>,
    /// Seed of the city [default: 1].
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Official outlines of the neighbourhoods, instead of schematic ones.
    #[arg(long, value_name = "FILE.geojson")]
    areas: Option<PathBuf>,
    /// Folder of the demonstration [default: .demo in the repository].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Remove what the folder holds and start anew.
    #[arg(long)]
    fresh: bool,
    /// Do it all, print the releases, stop.
    #[arg(long)]
    once: bool,
    /// Port of the website [default: 8420, with --once any].
    #[arg(long)]
    port: Option<u16>,
    /// Port for the nodes [default: 8421, with --once any].
    #[arg(long)]
    node_port: Option<u16>,
}

/// A size the generator can make; refused here, before anything is written.
fn scale(text: &str) -> Result<f64, String> {
    const LIMITS: std::ops::RangeInclusive<f64> = 0.0001..=20.0;
    match text.parse::<f64>() {
        Ok(scale) if LIMITS.contains(&scale) => Ok(scale),
        _ => Err(format!(
            "must be a number from {} to {}, such as 0.1 for a tenth of Milan",
            LIMITS.start(),
            LIMITS.end()
        )),
    }
}

/// A demonstration that is up; it ends when this value goes.
pub(crate) struct Running {
    processes: Processes,
    client: Client,
    description: PathBuf,
    website: String,
    city: City,
    logins: Value,
    released: Vec<Released>,
}

/// Runs the command.
///
/// # Errors
/// When anything fails; then with the end of the log of what failed. With `--once` also when a node did not answer.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::ensure(&[Need::Compiler, Need::Highs])?;
    build_website(workspace)?;
    build::build(workspace)?;
    let mut running = start(workspace, options)?;
    if options.once {
        return running.print_releases();
    }
    running.print_welcome(!Need::Node.is_met());
    loop {
        interruption::pause(Duration::from_millis(500)).inspect_err(|_| eprintln!("\nstopping"))?;
        running.processes.check()?;
    }
}

/// Runs a new city once with programs that are built already.
///
/// # Errors
/// As [`run`].
pub(crate) fn once(workspace: &Workspace, scale: f64) -> Result<()> {
    let options = Options {
        fresh: true,
        ..ci_options(workspace, scale)
    };
    start(workspace, &options)?.print_releases()
}

/// Starts the city that [`once`] made, and leaves it running.
///
/// # Errors
/// As [`run`].
pub(crate) fn in_background(workspace: &Workspace, scale: f64) -> Result<Running> {
    start(workspace, &ci_options(workspace, scale))
}

/// Builds what is missing, and leaves a small city running.
///
/// # Errors
/// As [`run`].
pub(crate) fn built_in_background(workspace: &Workspace, scale: f64) -> Result<Running> {
    setup::ensure(&[Need::Compiler, Need::Highs])?;
    build_website(workspace)?;
    build::build(workspace)?;
    in_background(workspace, scale)
}

fn ci_options(workspace: &Workspace, scale: f64) -> Options {
    Options {
        scale: Some(scale),
        dir: Some(workspace.target.join("demo-once")),
        once: true,
        ..Options::default()
    }
}

/// The website, where Node is or can be installed; the rest runs without it.
fn build_website(workspace: &Workspace) -> Result<()> {
    if let Err(error) = setup::ensure(&[Need::Node]) {
        eprintln!("without the website: {error:#}");
        return Ok(());
    }
    let step = Step::start("building the website", web::PARTS);
    let built = web::build(workspace, &mut |doing| step.begin(doing))?;
    step.done(if built {
        "website built"
    } else {
        "website unchanged"
    });
    Ok(())
}

fn start(workspace: &Workspace, options: &Options) -> Result<Running> {
    let dir = match &options.dir {
        Some(dir) => std::path::absolute(dir)?,
        None => workspace.root.join(".demo"),
    };
    if let Some(areas) = &options.areas {
        check_areas(workspace, areas)?;
    }
    let mut processes = Processes::in_dir(&dir)?;
    if options.fresh {
        clear(&dir)?;
    }
    let state = State::read(&dir)?;
    let plan = Plan::resolve(options, state.as_ref())?;
    let mut state = match state {
        Some(state) => state,
        None => State::create(&dir, plan.clone())?,
    };
    let (port, node_port) = choose_ports(options)?;
    let city = city::generate(workspace, &plan, &dir.join("city"))?;
    let organisations = city.ids();
    let places = Places {
        workspace,
        dir: &dir,
    };

    let logins = enrol::coordinator(&places, &mut state, &organisations)?;
    configure(&places, options, port, node_port)?;
    processes.start(
        "coordinator",
        places
            .coordinator_command()
            .args(["serve", "--config"])
            .arg(places.coordinator_config()),
    )?;
    let mut client = Client::new(port);
    ask::coordinator_is_up(&client, &mut processes)?;
    enrol::nodes(&places, &mut state, &city)?;
    enrol::study(&places, &mut state, &organisations)?;
    for organisation in &organisations {
        let node = places.node(organisation);
        enrol::set(
            &node.join("node.toml"),
            "coordinator",
            &format!("127.0.0.1:{node_port}"),
        )?;
        processes.start(
            &format!("node-{organisation}"),
            places.node_command().args(["serve", "--dir"]).arg(node),
        )?;
    }
    let password = logins["analyst"]["password"].as_str().unwrap_or_default();
    client.sign_in("analyst", password)?;
    ask::nodes_are_online(&client, &mut processes, &organisations)?;
    let nodes = organisations.len();
    let mut released = ask::first_questions(&client, &mut processes, &mut state, &city)?;
    ask::planned_questions(&client, &mut state, &city)?;
    released.push(ask::planned_release(
        &client,
        &mut processes,
        &state,
        nodes,
    )?);

    let website = format!("http://127.0.0.1:{port}/");
    let description = dir.join("demo.json");
    let text = json!({
        "web": website.trim_end_matches('/'), "port": port, "node_port": node_port, "logins": logins,
        "organisations": organisations, "study": plan::STUDY, "scale": plan.scale, "seed": plan.seed,
        "releases": released.iter().map(|release| &release.release).collect::<Vec<_>>(),
    });
    state::write_private(&description, &format!("{text:#}\n"))?;
    Ok(Running {
        processes,
        client,
        description,
        website,
        city,
        logins,
        released,
    })
}

/// Has the coordinator read the outlines before a city is made for them, which takes minutes.
fn check_areas(workspace: &Workspace, file: &Path) -> Result<()> {
    output(
        Command::new(workspace.program("coordinator"))
            .args(["areas", "--file"])
            .arg(file),
    )
    .context("--areas")?;
    Ok(())
}

/// Removes what a demonstration made, and nothing else that may lie in the folder.
fn clear(dir: &Path) -> Result<()> {
    const MADE: [&str; 8] = [
        "city",
        "coordinator",
        "nodes",
        "dpo",
        "state.json",
        "logins.json",
        "demo.json",
        "study.json",
    ];
    for name in MADE {
        let path = dir.join(name);
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else if path.exists() {
            std::fs::remove_file(&path)
        } else {
            Ok(())
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// The ports of website and nodes: those asked for, or the usual ones, or with `--once` any that are free.
fn choose_ports(options: &Options) -> Result<(u16, u16)> {
    let usual = |port| (!options.once).then_some(port);
    let web = claim(options.port.or(usual(8420)), "--port")?;
    // The first is held until the second is found, so that they differ.
    let node = claim(options.node_port.or(usual(8421)), "--node-port")?;
    Ok((web.local_addr()?.port(), node.local_addr()?.port()))
}

fn claim(port: Option<u16>, option: &str) -> Result<TcpListener> {
    let port = port.unwrap_or(0);
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(listener) => Ok(listener),
        Err(error) => bail!("port {port} cannot be used ({error}); choose another with {option}"),
    }
}

/// Sets what may differ from one start to the next. Outlines stay as they were unless others are given.
fn configure(places: &Places, options: &Options, port: u16, node_port: u16) -> Result<()> {
    let file = places.coordinator_config();
    let (web, node) = (
        format!("127.0.0.1:{port}"),
        format!("127.0.0.1:{node_port}"),
    );
    enrol::set(&file, "web_listen", &web)?;
    enrol::set(&file, "public_url", &format!("http://{web}"))?;
    enrol::set(&file, "node_listen", &node)?;
    enrol::set(&file, "node_address", &node)?;
    if let Some(areas) = &options.areas {
        let areas =
            (areas.canonicalize()).with_context(|| format!("cannot read {}", areas.display()))?;
        enrol::set(&file, "areas", &areas.display().to_string())?;
    }
    Ok(())
}

impl Running {
    /// The file that describes it for programs: addresses, logins, organisations.
    pub(crate) fn description(&self) -> &Path {
        &self.description
    }

    /// The end of every log.
    pub(crate) fn log_tails(&self) -> String {
        self.processes.log_tails()
    }

    /// Prints each release; fails if a node did not answer.
    fn print_releases(&mut self) -> Result<()> {
        let names = report::names(&self.client)?;
        let nodes = self.city.organisations.len();
        for released in &self.released {
            self.processes.check()?;
            let release = self
                .client
                .read(&format!("/api/v1/releases/{}", released.release))?;
            println!(
                "\n{}",
                report::table(&released.title, &release, nodes, &names)?
            );
            report::is_complete(&release, nodes)
                .with_context(|| format!("{}\n{}", released.title, self.processes.log_tails()))?;
        }
        println!(
            "\n{} releases; margins cover the noise with 95 percent",
            self.released.len()
        );
        Ok(())
    }

    fn print_welcome(&self, without_website: bool) {
        println!("\n{}", self.website);
        if without_website {
            println!("(the API only: `/` says how to get the website)");
        }
        println!();
        for role in ["analyst", "organisation", "dpo", "admin"] {
            let login = &self.logins[role];
            let text = |key: &str| login[key].as_str().unwrap_or_default().to_owned();
            println!(
                "  {role:<14}{:<14}{:<26}{}",
                text("name"),
                text("password"),
                text("organisation")
            );
        }
        println!();
        for organisation in &self.city.organisations {
            println!(
                "  {:<40}{:>9} clients",
                organisation.name, organisation.clients
            );
        }
        println!(
            "\nLook first at Explore: presences by neighbourhood with their margins. Then ask, as the analyst:\n\
             the price and the accuracy are shown before you confirm, the nodes answer while you watch. Ask for\n\
             `severe disability` to see every node refuse, and which rule of its policy says so.\n\
             Logs and keys are in {}. Ctrl-C stops all.",
            self.description
                .parent()
                .unwrap_or(&self.description)
                .display()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_names_the_option() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
        let port = taken.local_addr().expect("address").port();
        let options = Options {
            once: true,
            node_port: Some(port),
            ..Options::default()
        };
        let error = choose_ports(&options).expect_err("taken");
        assert!(error.to_string().contains("--node-port"), "{error}");
        assert!(error.to_string().contains(&port.to_string()), "{error}");
    }

    #[test]
    fn with_once_any_two_free_ports_do() {
        let options = Options {
            once: true,
            ..Options::default()
        };
        let (web, node) = choose_ports(&options).expect("free");
        assert_ne!(web, node);
    }

    #[test]
    fn a_size_that_cannot_be_made_is_refused() {
        for wrong in ["0", "-1", "NaN", "inf", "21", "0,5", "big", ""] {
            let error = scale(wrong).expect_err(wrong);
            assert!(error.contains("0.0001 to 20"), "{error}");
        }
        assert_eq!(scale("0.05"), Ok(0.05));
    }

    #[test]
    fn fresh_leaves_what_is_not_ours() {
        let dir = tempfile::tempdir().expect("folder");
        std::fs::create_dir(dir.path().join("nodes")).expect("folder");
        std::fs::write(dir.path().join("state.json"), "{}").expect("written");
        std::fs::write(dir.path().join("diary.txt"), "mine").expect("written");
        clear(dir.path()).expect("cleared");
        let left: Vec<_> = std::fs::read_dir(dir.path())
            .expect("folder")
            .flatten()
            .collect();
        assert_eq!(left.len(), 1);
    }
}
