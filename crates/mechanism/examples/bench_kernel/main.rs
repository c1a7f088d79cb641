//! `cargo xtask bench kernel`: how long importing, asking and noising take, as ratios to baselines of the same run.
//! Every number is measured; nothing is asserted. Others on the machine disturb it, so the best of several turns counts.

mod measure;
mod register;

use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["register", rows, to] => {
            let persons = register::write(rows.parse()?, BufWriter::new(File::create(to)?))?;
            println!("persons {persons}");
            Ok(())
        }
        ["split", register] => measure::split(Path::new(register)),
        ["parse", register] => measure::parse(Path::new(register)),
        ["import", register, to] => measure::import(Path::new(register), Path::new(to)),
        ["ask", snapshot] => measure::ask(Path::new(snapshot)),
        sizes => all(sizes),
    }
}

/// Measures registers of the given numbers of rows, or of 1e6, 1e7 and 5e7.
fn all(sizes: &[&str]) -> Result<()> {
    let sizes = match sizes {
        [] => vec![1_000_000, 10_000_000, 50_000_000],
        sizes => (sizes.iter())
            .map(|size| match size.parse::<f64>() {
                Ok(rows) if (1.0..=1e9).contains(&rows) => Ok(rows as u64),
                _ => bail!("`{size}` is no number of rows, such as 1e6"),
            })
            .collect::<Result<_>>()?,
    };
    let folder = tempfile::tempdir()?;
    for rows in sizes {
        let size = Size::measure(rows, folder.path())?;
        size.print();
    }
    Ok(())
}

/// Runs a measurement in a process of its own; returns its lines.
fn child(arguments: &[&str]) -> Result<Vec<Line>> {
    let output = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("measuring `{}` failed", arguments[0]);
    }
    Ok(String::from_utf8(output.stdout)?
        .lines()
        .map(Line::of)
        .collect())
}

/// A measurement: perhaps a name, then names and numbers.
#[derive(Default)]
struct Line {
    name: String,
    numbers: HashMap<String, f64>,
}

impl Line {
    fn of(text: &str) -> Line {
        let mut words = text.split_whitespace().peekable();
        let mut line = Line::default();
        while let Some(word) = words.next() {
            match words.peek().and_then(|number| number.parse().ok()) {
                Some(number) => {
                    line.numbers.insert(word.to_owned(), number);
                    words.next();
                }
                None => line.name = word.to_owned(),
            }
        }
        line
    }

    fn number(&self, name: &str) -> f64 {
        self.numbers.get(name).copied().unwrap_or(f64::NAN)
    }
}

/// All measurements of one register.
struct Size {
    rows: f64,
    register_bytes: f64,
    split: Line,
    parse: Line,
    import: Line,
    loaded: Line,
    questions: Vec<Line>,
    peak: Line,
}

impl Size {
    fn measure(rows: u64, folder: &Path) -> Result<Size> {
        let path = |name: &str| -> PathBuf { folder.join(name) };
        let (register, snapshot) = (path("register.csv"), path("snapshot.wis"));
        let (register, snapshot) = (text(&register)?, text(&snapshot)?);
        let first = |lines: Vec<Line>| lines.into_iter().next().context("nothing measured");
        child(&["register", &rows.to_string(), register])?;
        let register_bytes = std::fs::metadata(register)?.len() as f64;
        let split = first(child(&["split", register])?)?;
        let parse = first(child(&["parse", register])?)?;
        let import = first(child(&["import", register, snapshot])?)?;
        std::fs::remove_file(register)?;
        let mut lines = child(&["ask", snapshot])?;
        std::fs::remove_file(snapshot)?;
        let peak = lines.pop().context("nothing measured")?;
        Ok(Size {
            rows: rows as f64,
            register_bytes,
            split,
            parse,
            import,
            loaded: lines.remove(0),
            questions: lines,
            peak,
        })
    }

    fn print(&self) {
        let (rows, loaded) = (self.rows, &self.loaded);
        println!(
            "\n{rows:.0} rows, {:.0} event rows of {:.0} persons; register {:.0} MB; snapshot {:.1} bytes an event row, \
             read in {:.2} s",
            loaded.number("events"),
            loaded.number("persons"),
            self.register_bytes / 1e6,
            loaded.number("bytes") / loaded.number("events"),
            loaded.number("load"),
        );
        println!(
            "  import                        wall s   CPU s  ns/row    MB/s  peak MB   x fields  x rows"
        );
        let named = [
            ("fields only (csv, 1 thread)", &self.split),
            ("typed rows only (1 thread)", &self.parse),
            ("import (all threads)", &self.import),
        ];
        for (name, line) in named {
            let wall = line.number("wall");
            println!(
                "  {name:<28}{wall:>8.2}{:>8.2}{:>8.0}{:>8.0}{:>9.0}{:>11.2}{:>8.2}",
                line.number("cpu"),
                wall / rows * 1e9,
                self.register_bytes / wall / 1e6,
                line.number("peak") / 1e6,
                wall / self.split.number("wall"),
                wall / self.parse.number("wall"),
            );
        }
        println!(
            "  question                   sum ms |  1 thread ms  ns/row   GB/s   x sum   CPU x |  2 threads ms   x sum |  noise ms"
        );
        for line in &self.questions {
            let (sum, one, two) = (line.number("sum"), line.number("one"), line.number("two"));
            println!(
                "  {:<10}{:>8} cells{sum:>10.2} |{:>13.2}{:>8.2}{:>7.2}{:>8.2}{:>8.2} |{:>14.2}{:>8.2} |{:>10.0}",
                line.name,
                line.number("cells"),
                one * 1e3,
                one / rows * 1e9,
                line.number("bytes") / one / 1e9,
                one / sum,
                line.number("one_cpu") / line.number("sum_cpu"),
                two * 1e3,
                two / sum,
                line.number("noise") * 1e3,
                sum = sum * 1e3,
            );
        }
        println!("  asking: peak {:.0} MB", self.peak.number("peak") / 1e6);
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .context("the folder for temporary files has no plain name")
}
