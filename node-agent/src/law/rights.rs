//! Answers to the people in the register: access (Art. 15 GDPR) and objection (Art. 21).
//! The program looks nobody up: whether a person is in the register, the organisation sees in its register.

use super::document::{Document, Language, Writer};
use super::facts::{Facts, validity};
use super::{Kind, loss, names};

pub(super) fn access(facts: &Facts, language: Language) -> Document {
    let mut w = Writer::new(
        Kind::Access,
        facts,
        language,
        "Risposta a una richiesta di accesso: quesiti statistici",
        "Answer to an access request: statistical questions",
    );
    w.section("Art. 15(1), 12(3) GDPR", "La sua richiesta", "Your request");
    w.complete(
        "nome di chi chiede, data della richiesta, come è stata accertata l'identità; se la persona è nel registro, la copia dei suoi dati (art. 15(3)), che si prende dal registro. Si risponde entro un mese, prorogabile di due con motivazione.",
        "name of the person, date of the request, how their identity was established; if the person is in the register, the copy of their data (Art. 15(3)), taken from the register. The answer is due within one month, extendable by two with reasons.",
    );
    w.section(
        "Art. 15(1)(a)-(b)",
        "Per che cosa e quali dati",
        "For what, and which data",
    );
    w.text(
        format!("{} usa il proprio registro anche per rispondere a quesiti statistici sulla programmazione dei servizi. Una volta al mese se ne fa una copia ridotta in cui al posto del codice fiscale c'è uno pseudonimo; vi entrano area di residenza, anno di nascita, sesso, gruppo di cittadinanza, nucleo, bisogni, prestazioni e servizi.", facts.name(&facts.organisation)),
        format!("{} also uses its register to answer statistical questions for the planning of services. Once a month a reduced copy is made in which a pseudonym replaces the tax code; it holds area of residence, year of birth, sex, citizenship group, household, needs, benefits and services.", facts.name(&facts.organisation)),
    );
    w.section("Art. 15(1)(c)", "Chi riceve che cosa", "Who receives what");
    w.text(
        "Nessuno riceve i suoi dati. Escono solo conteggi con rumore: il suo contributo non se ne può togliere, e quanto al più se ne può capire è detto in fondo. Chi li riceve, per nome (C-154/21): il gestore del coordinatore, i richiedenti degli studi della tabella, e chi può vedere i risultati:",
        "Nobody receives your data. Only counts with noise leave the organisation: your contribution cannot be separated from them, and the end of this answer says how much can be learnt from them at most. Who receives them, by name (C-154/21): the operator of the coordinator, the requesters of the studies in the table, and whoever may see the results:",
    );
    let [italian, english] = facts.releases();
    w.text(italian, english);
    w.complete(
        "il nome del gestore del coordinatore.",
        "the name of the coordinator's operator.",
    );
    let rows = (facts.studies.iter().filter(|it| it.countersigned))
        .map(|it| {
            vec![
                it.study.title.clone(),
                facts.name(&it.study.requester).to_owned(),
                names::purpose(&it.study.purpose, language),
                validity(&it.study, language),
            ]
        })
        .collect();
    w.table(
        &[
            ("Studio", "Study"),
            ("Richiedente", "Requester"),
            ("Finalità", "Purpose"),
            ("Periodo", "Period"),
        ],
        rows,
    );
    w.section("Art. 15(1)(d)", "Per quanto tempo", "For how long");
    w.text(
        format!(
            "La copia pseudonimizzata vive per {}. Le risposte con rumore sono cancellate presso di noi dopo {}; dei quesiti resta un registro senza dati di persone. Se lei si è opposto, teniamo un'impronta con chiave e il giorno, finché l'opposizione vale.",
            names::editions(facts.retention.snapshots, Language::It),
            names::editions(facts.retention.answers, Language::It)
        ),
        format!(
            "The pseudonymised copy is kept for {}. Answers with noise are erased here after {}; what remains of the questions is a log without personal data of the people in the register. If you objected, we keep a keyed hash and the date, for as long as the objection stands.",
            names::editions(facts.retention.snapshots, Language::En),
            names::editions(facts.retention.answers, Language::En)
        ),
    );
    w.section("Art. 15(1)(e)-(f)", "I suoi diritti", "Your rights");
    w.text(
        "Può chiedere rettifica, cancellazione o limitazione e opporsi; può proporre reclamo al Garante per la protezione dei dati personali.",
        "You may request rectification, erasure or restriction of processing, and you may object; you may lodge a complaint with a supervisory authority (in Italy, the Garante per la protezione dei dati personali).",
    );
    w.section(
        "Art. 15(1)(g)-(h)",
        "Da dove vengono i dati; decisioni automatizzate",
        "Where the data come from; automated decisions",
    );
    w.text(
        "I dati vengono dal registro dell'organizzazione. Nessuna decisione che la riguardi è presa in modo automatizzato con questo trattamento: i conteggi parlano di aree e di gruppi.",
        "The data come from the organisation's register. No decision about you is taken by automated means in this processing: the counts are about areas and groups.",
    );
    w.section(
        "",
        "Che cosa le risposte potrebbero far capire di lei",
        "What the answers could reveal about you",
    );
    let (guess, spent) = (
        loss::guess_words(facts.balance.spent, language),
        loss::rho_words(facts.balance.spent, language),
    );
    w.text(
        format!("Chi conoscesse tutto del registro tranne le sue righe, e dovesse dire se lei c'è, indovinerebbe con tutte le risposte date finora al più {guess} delle volte, invece del 50 % a caso; la perdita finora è {spent}. È un limite nel caso peggiore, non ciò che qualcuno sa."),
        format!("Somebody who knew everything in the register except your rows, and had to say whether you are in it, would be right at most {guess} of the time with all the answers given so far, instead of 50% by chance; the loss so far is {spent}. This is a worst-case limit, not what anybody actually knows."),
    );
    w.done()
}

pub(super) fn objection(facts: &Facts, language: Language) -> Document {
    let mut w = Writer::new(
        Kind::Objection,
        facts,
        language,
        "Effetto di un'opposizione",
        "Effect of an objection",
    );
    w.section("Art. 21(1), 21(6) GDPR", "Quando spetta", "When it applies");
    w.text(
        "Se la base è l'art. 6(1)(e) o (f) ci si può opporre in qualsiasi momento per motivi connessi alla propria situazione; il titolare smette, salvo che dimostri motivi legittimi cogenti che prevalgono, o che i dati servono in giudizio. Per trattamenti a fini statistici (art. 89(1)) l'opposizione vale salvo che il trattamento sia necessario per un compito di interesse pubblico (art. 21(6)). Se la base è il consenso, lo si revoca (art. 7(3)).",
        "Where the basis is Art. 6(1)(e) or (f), a person may object at any time on grounds relating to their particular situation; the controller stops, unless it demonstrates compelling legitimate grounds that override, or needs the data for legal claims. For statistical purposes (Art. 89(1)) the objection stands unless the processing is necessary for a task carried out for reasons of public interest (Art. 21(6)). Where the basis is consent, it can be withdrawn (Art. 7(3)).",
    );
    w.complete(
        "chi ha deciso, quando e perché; la data comunicata all'interessato.",
        "who decided, when and why; the date on which the person was told.",
    );
    w.section("", "Che cosa succede da ora", "What happens from now on");
    w.text(
        "La persona è segnata in un elenco locale che tiene solo un'impronta con chiave e il giorno. Dall'edizione successiva (l'inizio del mese dopo) non è più nella copia né in alcuna risposta, e la copia precedente è cancellata quando esce dalla conservazione. Fino ad allora è ancora contata nelle domande che arrivano.",
        "The person is entered in a local list that keeps only a keyed hash and the date. From the next edition onwards (the start of the following month) they are in neither the copy nor any answer, and the earlier copy is erased when its retention period ends. Until then they are still counted in questions that come in.",
    );
    w.section("", "Per chi gestisce il nodo", "For whoever runs the node");
    w.text(
        "Si segna la persona con `node-agent objection add`, o sulla pagina del nodo; oppure se ne tolgono le righe dall'estratto che il nodo legge. Chi non può attendere il mese ferma il nodo, cancella la copia (cartella snapshot) e lo riavvia con l'elenco o l'estratto corretto: l'edizione del mese è ricostruita.",
        "Enter the person with `node-agent objection add`, or on the node's page; or remove their rows from the extract that the node reads. If it cannot wait for the end of the month, stop the node, delete the copy (the `snapshot` folder) and start the node again with the corrected list or extract: the month's edition is rebuilt.",
    );
    w.section(
        "Art. 17(3)(d), 89 GDPR",
        "Le risposte già date",
        "Answers already given",
    );
    w.text(
        "Restano: sono conteggi con rumore, da cui un contributo non si può togliere. Rifarle senza la persona darebbe un secondo numero il cui confronto con il primo rivelerebbe di più, e costerebbe altro budget. La promessa vale anche per chi si oppone dopo: dall'edizione successiva la perdita di quella persona non cresce più.",
        "They stay: they are counts with noise, from which no one contribution can be removed. Making them again without the person would give a second number, and comparing it with the first would reveal more; it would also cost more of the budget. The promise also holds for those who object later: from the next edition onwards their loss no longer grows.",
    );
    w.text(
        format!(
            "Perdita fino a oggi: {}; un giudice indovinerebbe al più {} delle volte.",
            loss::rho_words(facts.balance.spent, language),
            loss::guess_words(facts.balance.spent, language)
        ),
        format!(
            "Loss to date: {}; a judge would be right at most {} of the time.",
            loss::rho_words(facts.balance.spent, language),
            loss::guess_words(facts.balance.spent, language)
        ),
    );
    w.section("", "Che cosa non cambia", "What does not change");
    w.text(
        "Il budget non torna indietro. Gli altri membri del nucleo restano; una domanda sul nucleo è calcolata con loro soli.",
        "No budget is given back. Other members of the household remain; a question about the household is computed from them alone.",
    );
    w.done()
}
