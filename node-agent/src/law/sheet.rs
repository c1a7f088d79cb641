//! One study on one sheet: what it could reveal about one person, at worst.

use super::document::{Document, Language, Writer};
use super::facts::{Facts, validity};
use super::{Kind, loss, names};
use crate::fault::{self, OrFault};
use anyhow::Result;
use privacy_loss::NanoRho;
use protocol::SubCap;

pub(super) fn write(facts: &Facts, study: Option<&str>, language: Language) -> Result<Document> {
    let id = study.or_fault(|| fault::STUDY_UNNAMED.with([]))?;
    let known = (facts.studies.iter())
        .find(|it| it.study.id == id)
        .or_fault(|| fault::STUDY_UNKNOWN.with([id]))?;
    let study = &known.study;
    let mut w = Writer::new(
        Kind::Study,
        facts,
        language,
        "Che cosa questo studio può rivelare di una persona",
        "What this study could reveal about one person",
    );
    w.section("", "Lo studio", "The study");
    let countersigned = match known.countersigned {
        true => language.pick("sì", "yes"),
        false => language.pick(
            "no: nessuna domanda riceve risposta",
            "no: no questions are answered",
        ),
    };
    let groups = names::list(&study.targets, language, names::target);
    let first = study.targets.first().map_or("", String::as_str);
    let example = names::target(first, language);
    let row = |italian: &str, english: &str, value: String| {
        vec![language.pick(italian, english).to_owned(), value]
    };
    w.table(
        &[("Voce", "Item"), ("Valore", "Value")],
        vec![
            row("identificativo", "identifier", study.id.clone()),
            row("titolo", "title", study.title.clone()),
            row("richiedente", "requester", facts.called([&study.requester])),
            row(
                "finalità",
                "purpose",
                names::purpose(&study.purpose, language),
            ),
            row(
                "base giuridica",
                "legal basis",
                names::legal(&study.lawful_basis, language),
            ),
            row(
                "categorie particolari",
                "special categories",
                names::grounds(&study.special_categories, language),
            ),
            row(
                "che cosa si conta",
                "what is counted",
                names::list(&study.measures, language, names::measure),
            ),
            row("gruppi", "groups", groups.clone()),
            row(
                "livello più fine",
                "finest level",
                names::level(study.finest_level.id(), language),
            ),
            row(
                "partecipanti",
                "participants",
                facts.called(&study.participants),
            ),
            row("validità", "validity", validity(study, language)),
            row(
                "controfirmato qui",
                "countersigned here",
                countersigned.to_owned(),
            ),
        ],
    );
    w.complete(
        "perché la base e il motivo per le categorie particolari reggono per questa organizzazione.",
        "why the legal basis and the ground for special categories apply to this organisation.",
    );

    w.section(
        "",
        "Che cosa resta nascosto, e quanto",
        "What stays hidden, and how well",
    );
    w.text(
        "Nessuno riceve record. Chi sapesse tutto del registro tranne le righe di una persona e volesse sapere se quella persona c'è, con una moneta a decidere, indovinerebbe 50 volte su 100; con tutte le risposte dello studio al più:",
        "Nobody receives records. Somebody who knew everything in the register except one person's rows, and tried to tell whether that person is in it, which the toss of a coin decided, would be right 50 times in 100; with all the answers of the study, at most:",
    );
    let caps = &facts.policy.caps;
    let most = study
        .max_rho_total
        .min(caps.limit(SubCap::Study, id))
        .min(facts.lifetime());
    let spent = facts
        .balance
        .by_study
        .get(id)
        .copied()
        .unwrap_or(NanoRho::ZERO);
    let loss_row = |italian: &str, english: &str, rho: NanoRho| {
        vec![
            language.pick(italian, english).to_owned(),
            loss::rho_words(rho, language),
            loss::guess_words(rho, language),
        ]
    };
    let all = study.participants.len() as u64;
    let mut rows = vec![
        loss_row(
            "una domanda, al più",
            "one question, at most",
            study.max_rho_per_query.min(most),
        ),
        loss_row("fino a oggi, qui", "to date, here", spent),
        loss_row("lo studio intero, qui", "the whole study, here", most),
    ];
    let mut counts = vec![3, all];
    counts.retain(|m| *m > 1 && *m <= all);
    counts.sort_unstable();
    counts.dedup();
    for m in counts {
        rows.push(loss_row(
            &format!("il limite proprio dello studio, persona nota a {m} organizzazioni"),
            &format!("the study's own limit, person known to {m} organisations"),
            loss::times(study.max_rho_total, m),
        ));
    }
    w.table(
        &[
            ("Risposte", "Answers"),
            ("Perdita", "Loss"),
            ("Indovina al più", "Right at most"),
        ],
        rows,
    );

    w.section("", "Per esempio", "For example");
    w.text(
        format!("Qualcuno sospetta che una vicina sia seguita da {} e guarda quante persone («{}») risultano nella sua area. Il numero ha rumore: sarebbe potuto uscire lo stesso con lei o senza di lei, e la tabella dice quanto al più se ne capisce. Impara invece ciò che vale per l'area: se il bisogno vi è frequente, lo è anche per chi non è mai stato nel registro.", facts.name(&facts.organisation), example),
        format!("Somebody suspects that a neighbour is a client of {} and looks up how many people ('{}') are reported for her area. The number carries noise: it could have come out the same with or without her, and the table says how much it gives away at most. What they do learn is what is true of the area: if the need is common there, the same can be said of people who were never in the register.", facts.name(&facts.organisation), example),
    );
    w.section("", "Che cosa non è nascosto", "What is not hidden");
    w.text(
        "Che un gruppo vive in un'area, quando è abbastanza grande da distinguersi dal rumore. Chi conta più volte (molti bisogni, molti servizi) è protetto quanto gli altri, perché il suo peso è limitato. La protezione è per codice fiscale.",
        "That a group lives in an area, where it is large enough to stand out from the noise. People who count several times (many needs, many services) are protected like everybody else, because their weight is bounded. The protection is per tax code.",
    );
    Ok(w.done())
}
