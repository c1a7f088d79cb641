//! What `init` finds out about a register: where it is, how it is written, which mapping reads it. It shows all of it here, on
//! the node alone, and asks what it cannot know. Bounds are no part of it: they come from public facts, never from a register.

use crate::commands::interview;
use crate::words::Language;
use crate::words::faults::unboxed;
use anyhow::{Context, Result, ensure};
use snapshot::{
    Edition, Encoding, Field, Input, LocalQuality, Mapping, NodeKey, Objections, Records, Snapshot,
};
use source::profile::{SINA, SINBA, hmis_folder, hmis_mapping};
use source::{
    Kind, Local, MappingWords, Notation, Place, SINBA_COLUMNS, SourceConfig, TextFormat,
    detect_text, inspect, open, propose, propose_join,
};
use std::io::{BufRead, IsTerminal};
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
    /// Which column fills a field, as FIELD=COLUMN; can be repeated. `person_key=COLUMN,COLUMN` names people where there is no codice
    /// fiscale, `service==food-aid` is one service for every row.
    #[arg(long, value_name = "FIELD=COLUMN", conflicts_with = "mapping")]
    column: Vec<String>,
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
pub(crate) fn recognise(
    at: &str,
    options: &RegisterOptions,
    ask: bool,
    language: Language,
) -> Result<Recognised> {
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
            .with_context(|| language.fill("terminal-not-opened", &[("name", at)]))?
            .display()
            .to_string(),
    };
    let mut ready = None;
    if Path::new(&at).is_dir() {
        let (register, files) = hmis_folder(Path::new(&at))
            .with_context(|| language.fill("terminal-not-hmis", &[("name", &at)]))?;
        ready = Some(hmis_mapping(Path::new(&at)));
        (at, local.joined) = (register, files.joined);
    }
    for join in &options.join {
        let (name, at) =
            (join.split_once('=')).with_context(|| language.say("terminal-join-form"))?;
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
    let kind = format!("{:?}", place.kind());
    let name = place.name();
    say(
        language,
        "terminal-register",
        &[("name", &name), ("kind", &kind)],
    );
    if let Place::Xlsx(path, None) = &place {
        let sheets = source::sheets(path)?;
        if let [first, _, ..] = &*sheets {
            let told = [("first", first.as_str()), ("sheets", &sheets.join(", "))];
            say(language, "terminal-first-sheet", &told);
        }
    }
    let mut mapping = match (&options.mapping, ready) {
        (Some(path), _) => std::fs::read_to_string(path).with_context(|| {
            let name = path.display().to_string();
            language.fill("terminal-mapping-unread", &[("name", &name)])
        })?,
        (None, Some(ready)) => ready,
        (None, None) => proposed(&place, options, ask, language)?,
    };
    if options.mapping.is_none() {
        for join in &options.join {
            let name = join.split('=').next().unwrap_or_default();
            if let Some(source) = local.joined.get(name) {
                mapping = joined(&mapping, name, source, language)?;
            }
        }
    }
    let parsed =
        Mapping::parse(&mapping).with_context(|| language.say("terminal-mapping-invalid"))?;
    let quality = try_out(&at, &place, &local, &parsed)
        .with_context(|| language.fill("terminal-no-fit", &[("name", &place.name())]))?;
    tell(&quality, language);
    Ok(Recognised {
        register: at.into(),
        local,
        mapping,
    })
}

fn say(language: Language, key: &str, places: &[(&str, &str)]) {
    println!("{}", language.fill(key, places));
}

/// What came of the register's beginning.
fn tell(quality: &LocalQuality, language: Language) {
    let unlinked = quality.unlinked_missing + quality.unlinked_invalid;
    let counts = [
        ("rows", quality.rows),
        ("used", quality.loaded),
        ("unlinked", unlinked),
        ("rejected", quality.rejected),
        ("blank", quality.fields_ignored),
    ]
    .map(|(place, count)| (place, count.to_string()));
    let counts = counts.each_ref().map(|(place, count)| (*place, &**count));
    say(language, "terminal-beginning", &counts);
    for (column, kinds) in &quality.by_column {
        for (kind, rows) in kinds {
            let column = match column.as_str() {
                "" => language.say("terminal-whole-row"),
                column => column,
            };
            let (problem, remedy) = (language.problem(kind.id()), language.remedy(kind.id()));
            let rows = rows.to_string();
            let told = [
                ("column", column),
                ("rows", &rows),
                ("problem", problem),
                ("remedy", remedy),
            ];
            say(language, "terminal-reject", &told);
        }
    }
    if quality.rows > 0 && quality.loaded == 0 {
        say(language, "terminal-nobody", &[]);
    }
}

/// A mapping from what the register's beginning looks like.
fn proposed(
    place: &Place,
    options: &RegisterOptions,
    ask: bool,
    language: Language,
) -> Result<String> {
    let format = match place {
        Place::Text(path) => Some(detect_text(path)?),
        _ => None,
    };
    if let (Place::Text(path), Some(format)) = (place, format)
        && options.column.is_empty()
        && let Some(ready) = municipal(path, format)?
    {
        say(language, "terminal-ready", &[]);
        return Ok(ready);
    }
    let looked_at =
        |notation| -> Result<_> { Ok(open(place, format.map(|format| format.csv()), notation)?) };
    let records = looked_at(Notation::PLAIN)?;
    if place.kind() == Kind::Siuss {
        let minors = records.columns().len() == SINBA_COLUMNS.len();
        return Ok(if minors { SINBA } else { SINA }.to_owned());
    }
    let mut found = inspect(records).map_err(unboxed)?;
    if format.is_none() {
        // A sheet can hold days and numbers as such in some cells and as texts in others. Where the first are written as the texts
        // are, one notation reads both.
        let italian = inspect(looked_at(Notation::ITALIAN)?).map_err(unboxed)?;
        if italian.certainty() > found.certainty() {
            found = italian;
        }
    }
    let mut proposal = propose(&found, format);
    interview::take_in(&mut proposal, &options.column, &found, language)?;
    let (outlines, gazetteer) = (options.areas.is_some(), options.gazetteer.is_some());
    let unused = proposal.without_files(outlines, gazetteer, &found);
    for finding in proposal.findings() {
        println!("{}", interview::in_words(&finding, language));
    }
    if !unused.is_empty() {
        let columns = [("columns", &*unused.join("`, `"))];
        say(language, "terminal-home-needs", &columns);
    }
    if ask {
        interview::show(&found, &proposal, language);
        let mut person = std::io::stdin().lock();
        interview::complete(&mut proposal, &found, language, &mut person)?;
    }
    if !proposal.person_key.is_empty() {
        let columns = proposal.person_key.join("; ");
        say(language, "terminal-person-key", &[("columns", &columns)]);
    }
    let missing: Vec<&str> = proposal
        .missing()
        .iter()
        .map(|field| field.name())
        .collect();
    let people = match missing.contains(&Field::CodiceFiscale.name()) {
        true => language.say("terminal-column-person"),
        false => "",
    };
    let named = found
        .columns
        .iter()
        .filter(|column| !column.name.is_empty());
    ensure!(
        missing.is_empty() || named.count() > 1,
        language.fill(
            match place.kind() {
                Kind::Text => "terminal-title-above",
                _ => "terminal-no-table",
            },
            &[("name", &place.name())]
        )
    );
    ensure!(
        missing.is_empty(),
        language.fill(
            "terminal-missing",
            &[
                ("missing", &missing.join(", ")),
                ("people", people),
                ("first", missing.first().copied().unwrap_or_default()),
                ("columns", &interview::names(&found).join(", ")),
            ]
        )
    );
    Ok(proposal.to_toml(match language {
        Language::It => &MappingWords::ITALIAN,
        Language::En => &MappingWords::ENGLISH,
    }))
}

/// A proposed mapping, completed by a file that tells where people live.
fn joined(mapping: &str, name: &str, source: &SourceConfig, language: Language) -> Result<String> {
    let place = Place::of(source.at.as_deref().unwrap_or_default(), source)?;
    let format = match &place {
        Place::Text(path) => Some(detect_text(path)?),
        _ => None,
    };
    let records = open(&place, format.map(|format| format.csv()), Notation::PLAIN)?;
    let found = inspect(records).map_err(unboxed)?;
    let text = propose_join(mapping, name, &found, format)?;
    let level = Mapping::parse(&text)?.finest_level();
    let name = place.name();
    say(
        language,
        "terminal-joined",
        &[("name", &name), ("level", level.id())],
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

/// Reads the register's beginning with the mapping, under a key that is thrown away, so that a column that does not
/// fit is named now and not at the first start.
fn try_out(at: &str, place: &Place, local: &Local, mapping: &Mapping) -> Result<LocalQuality> {
    use std::io::Read;
    const BEGINNING: u64 = 1 << 18;

    let input = match place {
        Place::Text(path) if mapping.completion().is_empty() => {
            let mut beginning = Vec::new();
            let file = std::fs::File::open(path)?;
            file.take(BEGINNING).read_to_end(&mut beginning)?;
            // A row that the beginning ends in is no fault of the register.
            let wide = mapping.csv_format().map(|format| format.encoding) == Some(Encoding::Utf16);
            if beginning.len() as u64 == BEGINNING {
                beginning.truncate(end_of_last_line(&beginning, wide));
            }
            Input::Csv(Box::new(std::io::Cursor::new(beginning)))
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

/// Where the last whole line of `text` ends; its own end where there is none. In `wide` text (UTF-16) a line ends with two bytes,
/// in either order.
fn end_of_last_line(text: &[u8], wide: bool) -> usize {
    let end = match wide {
        false => text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map(|at| at + 1),
        true => {
            let ends = |pair: &[u8]| matches!(pair, [b'\n', 0] | [0, b'\n']);
            let pairs = text.chunks_exact(2);
            pairs.clone().rposition(ends).map(|at| at * 2 + 2)
        }
    };
    end.unwrap_or(text.len())
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
