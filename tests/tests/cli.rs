//! The page of command lines against what each program says of itself: every command and flag that exists is on the page,
//! and the page names none that does not exist.

use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use system_tests::process::run;

/// Programs, and the headings they have on the page.
const PROGRAMS: [(&str, &str); 4] = [
    ("node-agent", "node-agent"),
    ("coordinator", "coordinator"),
    ("demo-city", "demo-city"),
    ("xtask", "cargo xtask"),
];
/// What the parser of command lines adds everywhere.
const EVERYWHERE: [&str; 2] = ["--help", "--version"];

/// Commands with their flags, each as `heading: words`.
type Commands = BTreeMap<String, BTreeSet<String>>;

fn name(heading: &str, words: &[String]) -> String {
    format!("{heading}: {}", words.join(" "))
        .trim_end()
        .to_owned()
}

/// The flags in a piece of help or of the page.
fn flags(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    (text.match_indices("--"))
        .map(|(at, _)| {
            let rest = &text[at..];
            rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())].to_owned()
        })
        .filter(|flag| flag.len() > 2 && !EVERYWHERE.contains(&flag.as_str()))
        .collect()
}

/// The lines of a section of help, up to the next empty line.
fn section<'a>(help: &'a str, title: &str) -> Vec<&'a str> {
    (help.lines().skip_while(|line| *line != title).skip(1))
        .take_while(|line| !line.is_empty())
        .collect()
}

/// All commands without further commands below `words`, asked from the program itself.
async fn said(program: &str, heading: &str) -> Result<Commands> {
    let mut commands = Commands::new();
    let mut open = vec![Vec::new()];
    while let Some(words) = open.pop() {
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        // The short help, where a flag's own text cannot be taken for another flag.
        arguments.push("-h");
        let help = run(program, &arguments, "").await?;
        ensure!(help.code == Some(0), "{program} {words:?}: {}", help.stderr);
        let below: Vec<&str> = (section(&help.stdout, "Commands:").iter())
            .filter_map(|line| line.split_whitespace().next())
            .filter(|word| *word != "help")
            .collect();
        if below.is_empty() {
            let options = section(&help.stdout, "Options:");
            let heads = (options.iter()).map(|line| line.trim_start().split("  ").next());
            let heads: Vec<&str> = heads.flatten().collect();
            commands.insert(name(heading, &words), flags(&heads.join("\n")));
        }
        for word in below {
            open.push([words.as_slice(), &[word.to_owned()]].concat());
        }
    }
    Ok(commands)
}

/// What the page says: the first cell of each table row under a program's heading.
fn written(page: &str) -> Commands {
    let mut commands = Commands::new();
    let mut heading = "";
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title;
        }
        let Some(row) = line.strip_prefix("| `") else {
            continue;
        };
        let usage = row.split('`').next().unwrap_or_default();
        let is_word = |word: &&str| {
            word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && !word.starts_with('-')
        };
        let words: Vec<String> = (usage.split(' ').take_while(is_word))
            .map(str::to_owned)
            .collect();
        commands.insert(name(heading, &words), flags(usage));
    }
    commands
}

#[tokio::test]
async fn every_command_and_flag_is_on_the_page_and_no_other() -> Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CLI.md");
    let page = std::fs::read_to_string(&page).with_context(|| page.display().to_string())?;
    let mut exist = Commands::new();
    for (program, heading) in PROGRAMS {
        exist.extend(said(program, heading).await?);
    }
    assert!(
        exist.len() >= 20,
        "only {} commands were found",
        exist.len()
    );
    assert_eq!(written(&page), exist);
    Ok(())
}

#[test]
fn a_page_is_read_as_it_is_written() {
    let page = "## a\n| command | does |\n| --- | --- |\n| `b c --d X [--e-f \\| --g]` | `--h` |\n## i\n| `--j` | k |\n";
    let set = |flags: &[&str]| {
        flags
            .iter()
            .map(|&flag| flag.to_owned())
            .collect::<BTreeSet<_>>()
    };
    let expected = Commands::from([
        ("a: b c".to_owned(), set(&["--d", "--e-f", "--g"])),
        ("i:".to_owned(), set(&["--j"])),
    ]);
    assert_eq!(written(page), expected);
}
