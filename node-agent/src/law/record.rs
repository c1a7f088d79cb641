//! The entry of the record of processing activities (Art. 30(1) GDPR) for answering statistical questions.

use super::document::{Document, Language, Writer};
use super::facts::{Facts, validity};
use super::{Kind, loss, names};
use policy::Effect;

pub(super) fn write(facts: &Facts, language: Language) -> Document {
    let mut w = Writer::new(
        Kind::Record,
        facts,
        language,
        "Registro delle attività di trattamento: risposta a quesiti statistici",
        "Record of processing activities: answering statistical questions",
    );
    w.section(
        "Art. 30(1)(a) GDPR",
        "Titolare, contitolari e contatti",
        "Controller, joint controllers and contact details",
    );
    w.text(
        format!(
            "Organizzazione: {}. Banca dati: {}.",
            facts.called([&facts.organisation]),
            facts.dataset
        ),
        format!(
            "Organisation: {}. Dataset: {}.",
            facts.called([&facts.organisation]),
            facts.dataset
        ),
    );
    w.complete(
        "denominazione, indirizzo e contatti del titolare; contatti del responsabile della protezione dei dati; eventuali contitolari (vedi il documento sull'art. 26).",
        "name, address and contact details of the controller; contact details of the data protection officer; joint controllers, if any (see the document on Art. 26).",
    );

    w.section(
        "Art. 30(1)(b) GDPR",
        "Finalità e basi giuridiche",
        "Purposes and legal bases",
    );
    w.text(
        "Produrre conteggi statistici con rumore, per la programmazione dei servizi, senza consegnare a nessuno i dati delle persone. Che cosa la policy ammette e che cosa nega, anche dove un'altra regola ammette:",
        "To produce statistical counts with noise for the planning of services, without disclosing anybody's data to anyone. What the policy allows, and what it denies even where another rule would allow it:",
    );
    let rows = (facts.policy.rules.iter())
        .map(|rule| {
            let effect = match rule.effect {
                Effect::Allow => language.pick("ammette", "allows"),
                Effect::Deny => language.pick("nega", "denies"),
            };
            vec![
                rule.id.clone(),
                effect.to_owned(),
                names::list(&rule.purposes, language, names::purpose),
                names::list(&rule.lawful_bases, language, names::legal),
                match rule.effect {
                    Effect::Allow => {
                        names::grounds(rule.special_grounds.iter().flatten(), language)
                    }
                    Effect::Deny => "–".to_owned(),
                },
                names::list(rule.categories(), language, names::category),
                names::list(&rule.targets, language, names::target),
            ]
        })
        .collect();
    w.table(
        &[
            ("Regola", "Rule"),
            ("Effetto", "Effect"),
            ("Finalità", "Purposes"),
            ("Basi", "Legal bases"),
            ("Categorie particolari", "Special categories"),
            ("Categorie", "Categories"),
            ("Gruppi", "Groups"),
        ],
        rows,
    );
    w.text(
        "«Qualsiasi», riferito ai gruppi, non comprende mai quelli sensibili, che una regola deve nominare.",
        "'Any', where it refers to groups, never includes the sensitive ones: a rule has to name those.",
    );
    w.complete(
        "la norma o l'atto amministrativo generale su cui si fonda ciascuna base (artt. 2-ter e 2-sexies del Codice per i soggetti che svolgono un compito di interesse pubblico); per un ente privato senza tale compito, la base è un'altra e va indicata.",
        "the legal provision or general administrative act on which each basis rests (for bodies that carry out a task in the public interest, Arts. 2-ter and 2-sexies of the Italian Data Protection Code, D.Lgs. 196/2003); a private body without such a task relies on another basis, which has to be stated.",
    );

    w.section(
        "Art. 30(1)(c) GDPR",
        "Categorie di interessati e di dati personali",
        "Categories of data subjects and of personal data",
    );
    w.text(
        "Interessati: le persone nel registro dei servizi dell'organizzazione e i membri dei loro nuclei. Dati: quelli che la mappatura (mapping.toml) legge dal registro, cioè area di residenza, anno di nascita, sesso, gruppo di cittadinanza, nucleo, bisogni, prestazioni, servizi ed eventi; tra questi vi possono essere dati relativi alla salute (art. 9) e la sola appartenenza al registro può rivelarne. Il codice fiscale serve solo a calcolare uno pseudonimo con chiave e non entra nella copia.",
        "Data subjects: the people in the organisation's service register and the members of their households. Data: what the mapping (mapping.toml) reads from the register, namely area of residence, year of birth, sex, citizenship group, household, needs, benefits, services and events; these may include data concerning health (Art. 9), and merely being in the register may reveal such data. The tax code is used only to compute a keyed pseudonym and is not kept in the copy.",
    );
    w.complete(
        "se il registro contiene dati dell'art. 10 o persone sotto protezione, e come sono esclusi o ridotti.",
        "whether the register holds data under Art. 10 or data about people under protection, and how these are excluded or reduced.",
    );

    w.section("Art. 30(1)(d) GDPR", "Destinatari", "Recipients");
    w.text(
        format!("Solo conteggi con rumore, mai record, al coordinatore e agli enti richiedenti indicati nella policy: {}. Il coordinatore vede oggi la risposta con rumore di ogni nodo, non soltanto la somma.", facts.requesters()),
        format!("The coordinator and the requesting bodies named in the policy receive counts with noise only, never records: {}. At present the coordinator sees each node's noisy answer, not only the sum.", facts.requesters()),
    );
    let [italian, english] = facts.releases();
    w.text(italian, english);
    let [italian, english] = facts.witnesses_in_words();
    w.text(italian, english);
    w.text("Gli studi noti:", "Known studies:");
    let rows = (facts.studies.iter())
        .map(|it| {
            let yes = language.pick("sì", "yes");
            let no = language.pick("no", "no");
            vec![
                it.study.id.clone(),
                it.study.title.clone(),
                facts.called([&it.study.requester]),
                names::legal(&it.study.lawful_basis, language),
                names::grounds(&it.study.special_categories, language),
                validity(&it.study, language),
                if it.countersigned { yes } else { no }.to_owned(),
            ]
        })
        .collect();
    w.table(
        &[
            ("Studio", "Study"),
            ("Titolo", "Title"),
            ("Richiedente", "Requester"),
            ("Base", "Legal basis"),
            ("Categorie particolari", "Special categories"),
            ("Validità", "Validity"),
            ("Controfirmato dal DPO", "Countersigned by the DPO"),
        ],
        rows,
    );

    w.section(
        "Art. 30(1)(e) GDPR",
        "Trasferimenti verso paesi terzi o organizzazioni internazionali",
        "Transfers to third countries or international organisations",
    );
    w.text(
        "Il software non ne prevede: il nodo si collega soltanto al coordinatore e ai testimoni configurati.",
        "The software makes none: the node connects only to the coordinator and to the witnesses configured.",
    );
    w.complete(
        "dove si trovano il coordinatore, i testimoni e i loro fornitori.",
        "where the coordinator, the witnesses and their suppliers are located.",
    );

    w.section(
        "Art. 30(1)(f) GDPR",
        "Termini di cancellazione",
        "Time limits for erasure",
    );
    w.text(
        format!(
            "Copie pseudonimizzate: {}, quella in corso compresa; le precedenti sono cancellate. Risposte con rumore presso il nodo: {}, poi i byte sono sovrascritti. Elenco delle opposizioni: impronta con chiave e giorno, finché l'opposizione vale. Impronte, addebiti e log restano senza termine, perché la promessa sulla perdita vale per sempre: non contengono dati delle persone nel registro.",
            names::editions(facts.retention.snapshots, Language::It),
            names::editions(facts.retention.answers, Language::It)
        ),
        format!(
            "Pseudonymised copies: {}, the current one included; earlier ones are erased. Answers with noise kept at the node: {}, after which the bytes are overwritten. List of objections: a keyed hash and the date, for as long as the objection stands. Hashes, charges and the log are kept without limit, because the promise about the loss holds for ever: they contain no data of people in the register.",
            names::editions(facts.retention.snapshots, Language::En),
            names::editions(facts.retention.answers, Language::En)
        ),
    );

    w.section(
        "Art. 30(1)(g), Art. 32 GDPR",
        "Misure di sicurezza",
        "Security measures",
    );
    w.text(
        format!(
            "Minimizzazione e pseudonimizzazione all'importazione; limiti al contributo di ciascuna persona; rumore gaussiano discreto su ogni cella; tetto di perdita per sempre e per tutte le banche dati dell'organizzazione, {}, imposto dal registro contabile; richieste e studi firmati, controfirma del DPO; log di Merkle controfirmato dal coordinatore e dai testimoni, se ve ne sono; TLS 1.3 con certificati reciproci; nessuna porta aperta verso l'esterno.",
            loss::rho_words(facts.lifetime(), language)
        ),
        format!(
            "Minimisation and pseudonymisation on import; bounds on each person's contribution; discrete Gaussian noise on every cell; a lifetime cap on the loss across all of the organisation's datasets, {}, enforced by the ledger; signed requests and studies, countersigned by the DPO; a Merkle log cosigned by the coordinator and by the witnesses, if any; TLS 1.3 with certificates on both sides; no port open to the outside.",
            loss::rho_words(facts.lifetime(), language)
        ),
    );
    w.complete(
        "misure della macchina che ospita il nodo: cifratura del disco, accessi, copie di sicurezza.",
        "measures on the machine that hosts the node: disk encryption, access control, backups.",
    );
    w.done()
}
