//! Facts for the arrangement between joint controllers (Art. 26 GDPR): who decides what, as the programs enforce it.

use super::document::{Document, Language, Writer};
use super::facts::Facts;
use super::{Kind, names};

pub(super) fn write(facts: &Facts, language: Language) -> Document {
    let mut w = Writer::new(
        Kind::Joint,
        facts,
        language,
        "Elementi per l'accordo tra contitolari",
        "Facts for the arrangement between joint controllers",
    );
    w.section(
        "Art. 26(1) GDPR",
        "Chi determina che cosa",
        "Who determines what",
    );
    w.text(
        "Se le parti siano contitolari lo dicono i fatti, non questo documento. Per la Corte di giustizia conta chi concorre a determinare finalità e mezzi, anche senza accedere ai dati (C-210/16, C-40/17). I fatti:",
        "Whether the parties are joint controllers follows from the facts, not from this document. For the Court of Justice, what matters is who takes part in determining purposes and means, even without access to the data (C-210/16, C-40/17). The facts:",
    );
    let own = facts.name(&facts.organisation).to_owned();
    let row = |what: (&str, &str), who: (String, String)| {
        vec![
            language.pick(what.0, what.1).to_owned(),
            language.pick(who.0, who.1),
        ]
    };
    let own_word = (own.clone(), own.clone());
    w.table(
        &[("Decisione", "Decision"), ("Chi decide", "Who decides")],
        vec![
            row(
                (
                    "finalità, gruppi e limiti di uno studio",
                    "purpose, groups and limits of a study",
                ),
                (
                    format!(
                        "il richiedente ({}), che firma lo studio",
                        facts.requesters()
                    ),
                    format!(
                        "the requester ({}), who signs the study",
                        facts.requesters()
                    ),
                ),
            ),
            row(
                ("partecipazione allo studio", "taking part in the study"),
                (
                    format!("{own}, con la controfirma del suo DPO; senza, nessuna risposta"),
                    format!("{own}, with its DPO's countersignature; without it, no answer"),
                ),
            ),
            row(
                (
                    "che cosa il nodo risponde, e tetti di perdita",
                    "what the node answers, and the caps on the loss",
                ),
                own_word.clone(),
            ),
            row(
                (
                    "quali dati entrano nella copia (mappatura)",
                    "which data enter the copy (the mapping)",
                ),
                own_word.clone(),
            ),
            row(
                ("conservazione presso il nodo", "retention at the node"),
                own_word,
            ),
            row(
                (
                    "composizione e pubblicazione delle somme",
                    "composing and publishing sums",
                ),
                (
                    "il gestore del coordinatore".to_owned(),
                    "the operator of the coordinator".to_owned(),
                ),
            ),
        ],
    );
    let [italian, english] = facts.releases();
    w.text(italian, english);
    w.section(
        "Art. 26(1), 13-14 GDPR",
        "Informazione agli interessati",
        "Informing data subjects",
    );
    w.text(
        "Chi raccoglie i dati conosce le persone e può informarle: l'organizzazione. Il coordinatore e i richiedenti non ricevono dati con cui identificarle o contattarle.",
        "Whoever collects the data knows the people and can inform them: that is the organisation. The coordinator and the requesters receive no data with which to identify or contact them.",
    );
    w.complete(
        "dove l'informativa dell'organizzazione parla di questo trattamento, e il contenuto essenziale dell'accordo, da mettere a disposizione degli interessati (art. 26(2)).",
        "where the organisation's privacy notice describes this processing, and the essence of the arrangement, which is to be made available to data subjects (Art. 26(2)).",
    );
    w.section(
        "Art. 26(3) GDPR",
        "Diritti degli interessati",
        "Rights of data subjects",
    );
    w.text(
        "L'interessato può rivolgersi a ciascun contitolare. Accesso, rettifica, cancellazione e opposizione si esercitano sul registro, presso l'organizzazione; dall'edizione successiva il nodo ne tiene conto.",
        "Data subjects may exercise their rights against each of the joint controllers. Access, rectification, erasure and objection concern the register and are dealt with by the organisation; the node takes account of them from the next edition onwards.",
    );
    w.complete(
        "punto di contatto, chi risponde entro un mese (art. 12(3)), chi notifica e comunica una violazione (artt. 33 e 34) e come le parti si avvisano.",
        "the contact point, who answers within one month (Art. 12(3)), who notifies a breach (Arts. 33 and 34) and how the parties inform each other.",
    );
    w.section("Art. 28 GDPR", "Responsabili", "Processors");
    w.text(
        "Se un terzo ospita il nodo o il coordinatore, ne è di norma il responsabile. Il coordinatore vede risposte con rumore, non dati del registro.",
        "A third party that hosts the node or the coordinator is, as a rule, a processor. The coordinator sees noisy answers, not data from the register.",
    );
    w.complete(
        "fornitori e contratti ai sensi dell'art. 28(3).",
        "suppliers and contracts under Art. 28(3).",
    );
    w.section(
        "",
        "Parti che gli studi nominano",
        "Parties named in the studies",
    );
    let rows = (facts.participants().into_iter())
        .map(|participant| {
            let studies = (facts.studies.iter())
                .filter(|it| it.study.participants.contains(participant))
                .map(|it| {
                    let purpose = names::purpose(&it.study.purpose, language);
                    let part = match it.study.requester == *participant {
                        true => language.pick("chiede e partecipa", "asks and takes part"),
                        false => language.pick("partecipa", "takes part"),
                    };
                    format!("{}, {purpose}: {part}", it.study.title)
                });
            vec![
                facts.called([participant]),
                studies.collect::<Vec<_>>().join("; "),
            ]
        })
        .collect();
    w.table(
        &[
            ("Organizzazione", "Organisation"),
            ("Studi, finalità e parte", "Studies, purposes and part"),
        ],
        rows,
    );
    w.done()
}
