//! `node-agent targets`: which target groups this register can be asked about, by its mapping alone.
//! It opens neither register nor snapshot: what it prints is public.

use crate::commands::spoken::Spoken;
use crate::config::NodeDir;
use anyhow::{Context, Result};
use snapshot::Mapping;
use taxonomy::{Attribute, Taxonomy};

/// Prints every target with what the mapping lacks for it.
///
/// # Errors
/// When the folder has no mapping that can be read.
pub fn run(dir: &NodeDir, json: bool, spoken: Spoken) -> Result<()> {
    let language = spoken.language();
    let path = dir.mapping();
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "cannot read {}; is `--dir` a node's folder?",
            path.display()
        )
    })?;
    let mapping =
        Mapping::parse(&text).with_context(|| format!("{} is refused", path.display()))?;
    let taxonomy = Taxonomy::current();
    let known = mapping.attributes();
    let names = |attributes: taxonomy::Attributes| -> Vec<&str> {
        attributes.iter().map(Attribute::id).collect()
    };
    if json {
        let targets: Vec<_> = (taxonomy.evaluable(known))
            .map(|(target, lacks)| {
                serde_json::json!({
                    "id": target.id,
                    "it": target.it,
                    "en": target.en,
                    "unit": target.unit,
                    "area": target.area,
                    "finest_level": target.finest_level,
                    "must_be_named": target.must_be_named(),
                    "needs": names(target.needs_fields()),
                    "evaluable": lacks.is_empty(),
                    "lacks": names(lacks),
                })
            })
            .collect();
        let answer = serde_json::json!({
            "taxonomy": { "version": taxonomy.version(), "hash": protocol::hex(&taxonomy.hash()) },
            "records": names(known),
            "targets": targets,
        });
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    let lacking = taxonomy
        .evaluable(known)
        .filter(|(_, lacks)| !lacks.is_empty());
    let lacking = lacking.count();
    let all = taxonomy.targets().len();
    let (known_of, all) = ((all - lacking).to_string(), all.to_string());
    let counted = [
        ("version", &*taxonomy.version().to_string()),
        ("known", &known_of),
        ("all", &all),
    ];
    println!("{}", language.fill("terminal-targets", &counted));
    for (target, lacks) in taxonomy.evaluable(known) {
        let note = match (lacks.is_empty(), target.must_be_named()) {
            (true, true) => language.say("terminal-answered-if-named").to_owned(),
            (true, false) => language.say("terminal-answered").to_owned(),
            (false, _) => {
                let lacks = names(lacks).join(", ");
                language.fill("terminal-not-evaluable", &[("lacks", &lacks)])
            }
        };
        let name = language.pick(&target.it, &target.en);
        println!("{:<34} {name:<44} {note}", target.id);
    }
    if lacking > 0 {
        let path = path.display().to_string();
        println!(
            "{}",
            language.fill("terminal-targets-hint", &[("path", &path)])
        );
    }
    Ok(())
}
