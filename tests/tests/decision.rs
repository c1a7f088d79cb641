//! The worked decision of `docs/decision.md`, worked out again with the commands it shows on the tables it stands on: every
//! number the page states is one that comes out here. `cargo test --workspace --test decision -- --nocapture` prints them.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use system_tests::process::run;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// What the page must say, and whether it does.
struct Page {
    text: String,
    missing: Vec<String>,
}

impl Page {
    fn says(&mut self, words: String) {
        println!("{words}");
        if !self.text.contains(&words) {
            self.missing.push(words);
        }
    }

    /// Runs a command the page shows, whose files lie beside its tables.
    async fn runs(&self, command: &str) -> Result<Value> {
        ensure!(
            self.text.contains(command),
            "the page does not show: {command}"
        );
        let out = tempfile::NamedTempFile::new()?;
        let file = out.path().display().to_string();
        let mut words: Vec<String> = (command.split_whitespace().skip(1))
            .map(|word| match Path::new(word).extension() {
                Some(_) => docs().join("decision").join(word).display().to_string(),
                None => word.to_owned(),
            })
            .collect();
        words.extend(["--out".to_owned(), file]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let finished = run("coordinator", &words, "").await?;
        ensure!(finished.code == Some(0), "{command}: {}", finished.stderr);
        Ok(serde_json::from_slice(&std::fs::read(out.path())?)?)
    }
}

fn number(value: &Value, path: &str) -> Result<f64> {
    (value.pointer(path).and_then(Value::as_f64)).with_context(|| format!("{path} in {value}"))
}

fn all<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// A row of the demand: the site that may be there, name, demand and variance.
struct Row {
    site: String,
    name: String,
    demand: f64,
    variance: f64,
}

fn rows() -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(docs().join("decision/demand.csv"))?;
    (text.lines().skip(1))
        .map(|line| {
            let row: Vec<&str> = line.splitn(7, ',').collect();
            Ok(Row {
                site: format!("nil-{}", row[0]),
                name: row[6].trim_matches('"').to_owned(),
                demand: row[1].parse()?,
                variance: row[2].parse()?,
            })
        })
        .collect()
}

const WHERE: &str = "coordinator optimise --model mclp --p 6 --radius 30 --outer-radius 60 --draws 1000 --alternatives 3 --front \
    --demand demand.csv --sites sites.csv --costs od.csv";
const PLACES: &str = "coordinator optimise --model location-allocation --budget 400000 --unmet-cost 120 --radius 60 --draws 20 \
    --demand demand.csv --sites chosen.csv --costs od.csv";
const GAINS: &str = "coordinator access --method 2sfca --radius 60 --scenario opened.json --demand demand.csv --supply sites.csv --costs od.csv";
const BEST: &str = "coordinator optimise --model mclp --p 6 --radius 30 --outer-radius 60 --demand truth.csv --sites sites.csv --costs od.csv";
const OURS: &str = "coordinator optimise --model mclp --p 6 --radius 30 --outer-radius 60 --demand truth.csv --sites chosen.csv --costs od.csv";

#[tokio::test]
async fn the_worked_decision_comes_out_as_its_page_says() -> Result<()> {
    let text = std::fs::read_to_string(docs().join("decision.md"))?;
    let mut page = Page {
        // Lines of the page may break anywhere.
        text: text.split_whitespace().collect::<Vec<_>>().join(" "),
        missing: Vec::new(),
    };
    let rows = rows()?;
    let name = |id: &str| {
        (rows.iter().find(|row| row.site == id)).map_or(id.to_owned(), |row| row.name.clone())
    };
    // The new sites of a plan: candidates are called after their neighbourhood.
    let new = |plan: &Value| -> Vec<String> {
        (all(plan, "open").iter().filter_map(Value::as_str))
            .filter(|id| id.starts_with("nil-"))
            .map(str::to_owned)
            .collect()
    };
    let pair = |plan: &Value| {
        let names: Vec<String> = new(plan).iter().map(|id| name(id)).collect();
        names.join(" and ")
    };
    let total: f64 = rows.iter().map(|row| row.demand).sum();
    let margin = 1.96 * rows.iter().map(|row| row.variance).sum::<f64>().sqrt();
    page.says(format!("{total:.0} ± {margin:.0} people"));
    let negative = rows.iter().filter(|row| row.demand < 0.0).count();
    page.says(format!(
        "{negative} of {} estimates are negative",
        rows.len()
    ));

    let plan = page.runs(WHERE).await?;
    ensure!(plan["status"] == "optimal", "{}", plan["status"]);
    page.says(format!("**{}**", pair(&plan)));
    page.says(format!("reach {:.0}", number(&plan, "/objective")?));
    let expected = number(&plan, "/stability/out_of_sample")?;
    page.says(format!("rather {expected:.0}"));
    let end = |of: &str| number(&plan, &format!("/stability/{of}"));
    page.says(format!(
        "between {:.0} and {:.0}",
        end("value/lower")?,
        end("value/upper")?
    ));
    let regret = end("regret/upper")?;
    page.says(format!("at most {regret:.0} people"));
    page.says(format!("this very pair in {:.0} of 100", end("same_plan")?));
    for site in all(&plan["stability"], "sites") {
        let (id, often) = (
            site["id"].as_str().unwrap_or_default(),
            number(site, "/in_100")?,
        );
        if id.starts_with("nil-") && often >= 5.0 {
            page.says(format!("| {} | {often:.0} |", name(id)));
        }
    }
    for one in all(&plan["stability"], "interchangeable") {
        let with = all(one, "with").iter().filter_map(Value::as_str);
        let with: Vec<String> = with.map(name).collect();
        let id = one["id"].as_str().unwrap_or_default();
        page.says(format!("{} or {}", name(id), with.join(", ")));
    }
    for other in all(&plan, "alternatives") {
        page.says(format!(
            "{}: {:.0}",
            pair(other),
            number(other, "/objective")?
        ));
    }
    for step in all(&plan, "front") {
        if let (Some(p), Some(objective)) = (step["p"].as_u64(), step["objective"].as_f64()) {
            page.says(format!("{p} centres reach {objective:.0}"));
        }
    }

    // The two are taken over as open, in a table of sites and in a scenario.
    let chosen = std::fs::read_to_string(docs().join("decision/chosen.csv"))?;
    let opened = std::fs::read_to_string(docs().join("decision/opened.json"))?;
    for id in new(&plan) {
        ensure!(
            chosen.contains(&format!("{id},required")),
            "chosen.csv lacks {id}"
        );
        ensure!(
            opened.contains(&format!("\"{id}\"")),
            "opened.json lacks {id}"
        );
    }
    ensure!(!chosen.contains("candidate"), "chosen.csv leaves a choice");
    let places = page.runs(PLACES).await?;
    ensure!(places["status"] == "optimal", "{}", places["status"]);
    page.says(format!("spends {:.0} euro", number(&places, "/spent")?));
    // Where several sites get some, the page says how many alone.
    let modules = all(&places, "modules");
    let numbers: Result<Vec<f64>> = (modules.iter())
        .map(|module| number(module, "/number"))
        .collect();
    let more: f64 = 10.0 * numbers?.iter().sum::<f64>();
    page.says(match modules {
        [one] => {
            let site = one["id"].as_str().unwrap_or_default();
            format!("{more:.0} more places, all in {}", name(site))
        }
        _ => format!("{more:.0} more places"),
    });
    let served: f64 = (all(&places, "assignment").iter())
        .filter_map(|one| {
            let site = format!("nil-{}", one["id"].as_str()?);
            let row = rows.iter().find(|row| row.site == site)?;
            Some(one["share"].as_f64()? * row.demand)
        })
        .sum();
    page.says(format!("serve {served:.0} of them"));

    let change = page.runs(GAINS).await?;
    let count = |key: &str| number(&change, &format!("/scenario/{key}"));
    let (gain, lose, open) = (count("gaining")?, count("losing")?, count("uncertain")?);
    page.says(format!(
        "{gain:.0} gain, {lose:.0} lose, of {open:.0} it cannot be told"
    ));

    // The city is invented: what is true of it can be looked up.
    let (best, ours) = (page.runs(BEST).await?, page.runs(OURS).await?);
    let found = pair(&best);
    let (best, ours) = (number(&best, "/objective")?, number(&ours, "/objective")?);
    page.says(format!(
        "best pair was {found}, which reaches {best:.0} people; ours reaches {ours:.0}"
    ));
    // An interval that holds in nine of ten cases may fail in the one that is kept; then the page says so.
    let lost = best - ours;
    page.says(format!("gave up {lost:.0} people"));
    page.says(if lost <= regret {
        "within what it had said".to_owned()
    } else {
        "more than it had said".to_owned()
    });
    ensure!(
        page.missing.is_empty(),
        "docs/decision.md does not say:\n{}",
        page.missing.join("\n")
    );
    Ok(())
}
