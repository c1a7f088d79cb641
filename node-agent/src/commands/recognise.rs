//! What `init` finds out about a register: where it is, how it is written, which mapping reads it. It shows all of it here, on
//! the node alone, and asks what it cannot know. Bounds are no part of it: they come from public facts, never from a register.

use anyhow::{Context, Result, bail, ensure};
use snapshot::{
    Edition, Encoding, Field, Input, LocalQuality, Mapping, NodeKey, Objections, Records, Snapshot,
};
use source::profile::{HMIS, SINA, SINBA, hmis_folder};
use source::{
    Inspection, Kind, Local, Notation, Place, Proposal, SINBA_COLUMNS, SourceConfig, TextFormat,
    detect_text, identifiers, inspect, open, propose, propose_join,
};
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Options that say more of the register than its path or address.
#[derive(clap::Args)]
pub(crate) struct RegisterOptions {
    /// Sheet of a spreadsheet; by default the first.
    #[arg(long)]
    sheet: Option<String>,
    /// Table or view of a database.
    #[arg(long, conflicts_with = "query")]
    table: Option<String>,
    /// A SELECT, in place of a table.
    #[arg(long)]
    query: Option<String>,
    /// File that holds the database user's password.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// Certificate of the authority that signed the database server's.
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// GeoJSON outlines of the NIL, for registers with coordinates.
    #[arg(long)]
    areas: Option<PathBuf>,
    /// CSV with street, civic, nil, municipio, for registers with addresses.
    #[arg(long)]
    gazetteer: Option<PathBuf>,
    /// Where another source is, as NAME=PATH or NAME=ADDRESS; can be repeated. Without `--mapping`, a file that tells where people
    /// live is joined by the column that names them.
    #[arg(long, value_name = "NAME=PATH")]
    join: Vec<String>,
    /// A mapping to use, in place of a proposal.
    #[arg(long)]
    mapping: Option<PathBuf>,
}

/// A register that can be served.
pub(crate) struct Recognised {
    /// What stands in `node.toml`.
    pub(crate) register: PathBuf,
    /// What stands in `sources.toml`.
    pub(crate) local: Local,
    /// What stands in `mapping.toml`.
    pub(crate) mapping: String,
}

/// Finds out about the register at `at`, asking only where `ask` and a person are there.
///
/// # Errors
/// A register that cannot be read, or for which no mapping can be proposed.
pub(crate) fn recognise(at: &str, options: &RegisterOptions, ask: bool) -> Result<Recognised> {
    let ask = ask && std::io::stdin().is_terminal();
    let absolute = |path: &PathBuf| std::path::absolute(path);
    let mut local = Local {
        version: 1,
        register: SourceConfig {
            at: None,
            sheet: options.sheet.clone(),
            table: options.table.clone(),
            query: options.query.clone(),
            password_file: options.password_file.as_ref().map(absolute).transpose()?,
            ca_file: options.ca_file.as_ref().map(absolute).transpose()?,
        },
        ..Local::default()
    };
    local.places.areas = options.areas.as_ref().map(absolute).transpose()?;
    local.places.gazetteer = options.gazetteer.as_ref().map(absolute).transpose()?;
    let mut at = match at.contains("://") {
        true => at.to_owned(),
        false => std::fs::canonicalize(at)
            .with_context(|| format!("cannot open the register {at}"))?
            .display()
            .to_string(),
    };
    let mut ready = None;
    if Path::new(&at).is_dir() {
        let (enrollment, files) = hmis_folder(Path::new(&at)).with_context(|| {
            format!("{at} is a folder without Enrollment.csv, Client.csv and Project.csv; name the register's file in it")
        })?;
        (at, local.joined) = (enrollment, files.joined);
        ready = Some(HMIS);
    }
    for join in &options.join {
        let (name, at) = join.split_once('=').context("`--join` must be NAME=PATH")?;
        let at = match at.contains("://") {
            true => at.to_owned(),
            false => std::path::absolute(at)?.display().to_string(),
        };
        let source = SourceConfig {
            at: Some(at),
            ..SourceConfig::default()
        };
        local.joined.insert(name.to_owned(), source);
    }
    let place = Place::of(&at, &local.register)?;
    println!("register       {} ({:?})", place.name(), place.kind());
    let mut mapping = match (&options.mapping, ready) {
        (Some(path), _) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the mapping {}", path.display()))?,
        (None, Some(ready)) => ready.to_owned(),
        (None, None) => proposed(&place, ask)?,
    };
    if options.mapping.is_none() {
        for join in &options.join {
            let name = join.split('=').next().unwrap_or_default();
            if let Some(source) = local.joined.get(name) {
                mapping = joined(&mapping, name, source)?;
            }
        }
    }
    let parsed = Mapping::parse(&mapping).context("the mapping does not read")?;
    let quality = try_out(&at, &place, &local, &parsed)
        .with_context(|| format!("{} does not fit the mapping", place.name()))?;
    println!(
        "its beginning  {} rows: {} used, {} without a person, {} rejected; {} fields unreadable",
        quality.rows,
        quality.loaded,
        quality.unlinked_missing + quality.unlinked_invalid,
        quality.rejected,
        quality.fields_ignored
    );
    for (column, kinds) in &quality.by_column {
        for (kind, rows) in kinds {
            let column = if column.is_empty() {
                "whole row"
            } else {
                column
            };
            println!(
                "               {column}: {rows} x {kind:?}; {}",
                kind.remedy()
            );
        }
    }
    if quality.rows > 0 && quality.loaded == 0 {
        println!(
            "no row of it can be used yet, and the node would answer for nobody: correct its mapping.toml, then \
             `node-agent mapping check --file mapping.toml`"
        );
    }
    Ok(Recognised {
        register: at.into(),
        local,
        mapping,
    })
}

/// A mapping from what the register's beginning looks like.
fn proposed(place: &Place, ask: bool) -> Result<String> {
    let format = match place {
        Place::Text(path) => Some(detect_text(path)?),
        _ => None,
    };
    if let (Place::Text(path), Some(format)) = (place, format)
        && let Some(ready) = municipal(path, format)?
    {
        println!("mapping        the ready one for municipal registers");
        return Ok(ready);
    }
    let records = open(place, format.map(|format| format.csv()), Notation::PLAIN)?;
    if place.kind() == Kind::Siuss {
        let minors = records.columns().len() == SINBA_COLUMNS.len();
        return Ok(if minors { SINBA } else { SINA }.to_owned());
    }
    let found = inspect(records).map_err(anyhow::Error::from_boxed)?;
    let mut proposal = propose(&found, format);
    proposal.notes().iter().for_each(|note| println!("{note}"));
    if ask {
        show(&found, &proposal);
        complete(&mut proposal, &found)?;
    }
    let missing: Vec<&str> = proposal
        .missing()
        .iter()
        .map(|field| field.name())
        .collect();
    let named = found
        .columns
        .iter()
        .filter(|column| !column.name.is_empty());
    ensure!(
        missing.is_empty() || named.count() > 1,
        "the first line of {} names no more than one column: where a title stands above the table, remove it, so that the names of the \
         columns come first, or give the spreadsheet itself, whose titles are passed over",
        place.name()
    );
    ensure!(
        missing.is_empty(),
        "no column was recognised for {}; write a mapping that names the columns and give it with `--mapping FILE`, or answer the \
         questions on a terminal without `--yes`. The columns are: {}",
        missing.join(", "),
        found
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    );
    Ok(proposal.to_toml())
}

/// A proposed mapping, completed by a file that tells where people live.
fn joined(mapping: &str, name: &str, source: &SourceConfig) -> Result<String> {
    let place = Place::of(source.at.as_deref().unwrap_or_default(), source)?;
    let format = match &place {
        Place::Text(path) => Some(detect_text(path)?),
        _ => None,
    };
    let records = open(&place, format.map(|format| format.csv()), Notation::PLAIN)?;
    let found = inspect(records).map_err(anyhow::Error::from_boxed)?;
    let text = propose_join(mapping, name, &found, format)?;
    let level = Mapping::parse(&text)?.finest_level();
    println!(
        "joined         {}, which tells where people live; finest level {}",
        place.name(),
        level.id()
    );
    Ok(text)
}

/// The ready mapping for municipal registers, where the file has all columns it names and is written as it says.
fn municipal(path: &Path, format: TextFormat) -> Result<Option<String>> {
    use std::io::Read;
    const LONGEST: u64 = 1 << 16;

    let file = std::io::BufReader::new(std::fs::File::open(path)?.take(LONGEST));
    let mut line = Vec::new();
    { file }.read_until(b'\n', &mut line)?;
    let header = String::from_utf8_lossy(&line).trim_end().to_owned();
    let text = Mapping::municipal_register_of(&header);
    let mapping = Mapping::parse(&text)?;
    let has = |column: &str| header.split(';').any(|known| known.trim() == column);
    let columns = Field::ALL.iter().filter_map(|field| mapping.column(*field));
    let encoding = format.encoding;
    let fits = format.delimiter.value == b';'
        && (encoding.value == Encoding::Latin1 || !encoding.certain)
        && columns.into_iter().all(has);
    Ok(fits.then_some(text))
}

/// The columns and their first rows, for the person at the terminal only.
fn show(found: &Inspection, proposal: &Proposal) {
    println!(
        "{} rows were looked at, {} of them unusable. Shown here only:",
        found.records, found.unusable
    );
    for (index, column) in found.columns.iter().enumerate() {
        let field = proposal
            .fields
            .iter()
            .find(|(_, name)| **name == column.name);
        let field = field.map_or("-", |(field, _)| field.name());
        let first = found
            .first
            .iter()
            .map(|row| row[index].chars().take(16).collect::<String>());
        println!(
            "  {:<24} {:<16} {:>5} filled   {}",
            column.name,
            field,
            column.filled,
            first.collect::<Vec<_>>().join(" | ")
        );
    }
}

/// Asks what cannot be known.
fn complete(proposal: &mut Proposal, found: &Inspection) -> Result<()> {
    let names: Vec<&str> = found
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    for field in proposal.missing() {
        let answer = match field {
            Field::CodiceFiscale => {
                question("which columns together name a person? (names with `,` between them)")?
            }
            Field::Service => question(
                "which column names the service? (or `=` and one service for every row, such as =food-aid)",
            )?,
            _ => question(&format!("which column is the {}?", field.name()))?,
        };
        match answer.strip_prefix('=') {
            Some(word) => {
                proposal.constants.insert(field, word.trim().to_owned());
            }
            None => {
                let columns: Vec<String> = answer
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect();
                for column in &columns {
                    ensure!(
                        names.contains(&column.as_str()),
                        "there is no column `{column}`"
                    );
                }
                match (field, columns.as_slice()) {
                    (Field::CodiceFiscale, _) => proposal.person_key = columns,
                    (_, [column]) => {
                        proposal.fields.insert(field, column.clone());
                    }
                    _ => bail!("one column can be the {}", field.name()),
                }
            }
        }
    }
    // Columns were named just now; their words are to be understood like the others.
    proposal.understand_words(found);
    for (field, words) in std::mem::take(&mut proposal.unknown) {
        let ids = identifiers(field);
        println!(
            "words for {} that are not understood; answer with one of: {}; or nothing",
            field.name(),
            ids.join(", ")
        );
        for word in words {
            let answer = question(&format!("  {word}"))?;
            if ids.contains(&answer) {
                proposal
                    .values
                    .entry(field)
                    .or_default()
                    .insert(word, answer);
            } else {
                proposal.unknown.entry(field).or_default().push(word);
            }
        }
    }
    if proposal.fields.contains_key(&Field::CodiceFiscale) {
        let answer = question(
            "read date of birth and sex out of the codice fiscale where the register does not say? (yes/no)",
        )?;
        proposal.derive = answer.starts_with(['y', 's', 'Y', 'S']);
    }
    let level = question(&format!(
        "how finely is it known where people live? ({}; micro-area, nil, municipio, city)",
        proposal.finest_level
    ))?;
    let known = ["micro-area", "nil", "municipio", "city"]
        .into_iter()
        .find(|id| *id == level);
    proposal.finest_level = known.unwrap_or(proposal.finest_level);
    Ok(())
}

fn question(text: &str) -> Result<String> {
    print!("{text} > ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Reads the register's beginning with the mapping, under a key that is thrown away, so that a column that does not
/// fit is named now and not at the first start.
fn try_out(at: &str, place: &Place, local: &Local, mapping: &Mapping) -> Result<LocalQuality> {
    use std::io::Read;
    const BEGINNING: u64 = 1 << 18;

    let input = match place {
        Place::Text(path) if mapping.completion().is_empty() => {
            Input::Csv(Box::new(std::fs::File::open(path)?.take(BEGINNING)))
        }
        _ => match source::open_register(at, local, mapping)? {
            Input::Records(records) => Input::Records(Box::new(Beginning { records, left: 20 })),
            whole => whole,
        },
    };
    let edition = Edition {
        number: 1,
        label: "trial".to_owned(),
        created_at: 0,
    };
    let trial = NodeKey::new(&[0; 32]);
    let built = Snapshot::build_from(mapping, input, &trial, edition, &Objections::default());
    Ok(built?.1)
}

/// The first batches of a register.
struct Beginning<'r> {
    records: Box<dyn Records + 'r>,
    left: u32,
}

impl Records for Beginning<'_> {
    fn columns(&self) -> &[String] {
        self.records.columns()
    }

    fn next(&mut self, batch: &mut snapshot::Batch) -> Result<bool, snapshot::RecordsError> {
        if self.left == 0 {
            batch.clear();
            return Ok(false);
        }
        self.left -= 1;
        self.records.next(batch)
    }
}
