//! The annex to the impact assessment (Art. 35 GDPR): what the mechanism guarantees, what it does not, and what was lost so far.

use super::document::{Document, Language, Writer};
use super::facts::Facts;
use super::{Kind, loss};
use privacy_loss::NanoRho;

pub(super) fn write(facts: &Facts, language: Language) -> Document {
    let mut w = Writer::new(
        Kind::Dpia,
        facts,
        language,
        "Allegato alla valutazione d'impatto",
        "Annex to the data protection impact assessment",
    );
    w.section(
        "Art. 35(3)(b), 35(7) GDPR",
        "A che cosa serve questo allegato",
        "What this annex is for",
    );
    w.text(
        "Trattamento su larga scala di dati che possono rientrare nell'art. 9, di persone vulnerabili: la valutazione è dovuta. L'allegato dà i fatti tecnici per i punti (a), (c) e (d) dell'art. 35(7); necessità e proporzionalità (b) e il giudizio sul rischio restano al titolare, sentito il DPO.",
        "This is large-scale processing of data that may fall under Art. 9 and concern vulnerable people: an impact assessment is required. The annex gives the technical facts for points (a), (c) and (d) of Art. 35(7); necessity and proportionality (b) and the assessment of the risk are for the controller, with the advice of the DPO.",
    );
    w.complete(
        "necessità e proporzionalità; opinioni degli interessati o dei loro rappresentanti (art. 35(9)); parere del DPO (art. 35(2)); se il rischio residuo è elevato, consultazione preventiva (art. 36).",
        "necessity and proportionality; the views of data subjects or their representatives (Art. 35(9)); the DPO's advice (Art. 35(2)); where the residual risk is high, prior consultation (Art. 36).",
    );

    w.section(
        "Art. 35(7)(a)",
        "Descrizione del trattamento",
        "Description of the processing",
    );
    w.text(
        "Una volta al mese il nodo legge il registro e ne fa una copia minimizzata con pseudonimi. A ogni richiesta firmata, ammessa dalla policy e addebitata, calcola un conteggio in cui ciascuno pesa al più quanto i limiti consentono, aggiunge rumore e invia il risultato firmato. Nulla di esatto esce.",
        "Once a month the node reads the register and makes a minimised, pseudonymised copy. For each signed request that the policy allows and the ledger charges, it computes a count in which nobody weighs more than the bounds allow, adds noise, and sends the signed result. No exact figure leaves the node.",
    );

    w.section("", "Che cosa è garantito", "What is guaranteed");
    w.text(
        "Privacy differenziale concentrata (zCDP) rispetto all'aggiunta o rimozione di tutte le righe di una persona: qualunque cosa un osservatore già sappia, le risposte nel loro insieme con quelle righe e senza di esse divergono al più di rho. L'ultima colonna dice quanto spesso, al più, un giudice che conosce tutto tranne quelle righe indovina se ci sono, quando l'ha deciso una moneta (50 % senza risposte).",
        "Concentrated differential privacy (zCDP) with respect to adding or removing all of one person's rows: whatever an observer already knows, the answers taken together diverge by at most rho with and without those rows. The last column says how often, at most, a judge who knows everything but those rows guesses correctly whether they are there, when the toss of a coin decided it (50% without any answers).",
    );
    let row = |what: &str, rho: NanoRho| {
        vec![
            what.to_owned(),
            loss::rho_words(rho, language),
            loss::guess_words(rho, language),
        ]
    };
    let (spent, lifetime) = (facts.balance.spent, facts.lifetime());
    w.table(
        &[
            ("Quando", "When"),
            ("Perdita", "Loss"),
            ("Indovina al più", "Right at most"),
        ],
        vec![
            row(language.pick("fino a oggi", "to date"), spent),
            row(
                language.pick("tetto per la vita intera", "lifetime cap"),
                lifetime,
            ),
            row(
                language.pick(
                    "fino a oggi, per distinguere due versioni delle righe invece che se ci sono",
                    "to date, for telling two versions of the rows apart rather than whether they are there",
                ),
                loss::times(spent, 4),
            ),
        ],
    );
    w.text(
        "Con perdite grandi la percentuale si avvicina a 100: il tetto è una promessa contro il caso peggiore e per sempre, non la descrizione di un attacco noto. Chi vuole di meno abbassa il tetto. Sono già compresi eventuali importi stornati dopo un ripristino. Le domande sul nucleo sono prezzate per l'intero nucleo, fino a sei membri.",
        "With large losses the percentage approaches 100: the cap is a promise for the worst case and for ever, not the description of a known attack. An organisation that wants less lowers its cap. Amounts written off after a restore are included. Questions about households are priced for the whole household, up to six members.",
    );

    w.section("WP216, 3", "Individuazione (singling out)", "Singling out");
    w.text(
        "Ogni cella ha rumore, anche quelle vuote, e nessuna soglia dipende dai dati: un «uno» pubblicato non indica una persona. Il limite alla certezza è quello della tabella.",
        "Every cell carries noise, empty ones included, and no threshold depends on the data: a published 'one' points to nobody. Certainty is limited as the table says.",
    );
    w.section("WP216, 3", "Correlabilità (linkability)", "Linkability");
    w.text(
        "Gli pseudonimi restano nel nodo e la loro chiave è di ciascun nodo: le risposte di due organizzazioni non si collegano per persona. Più risposte sulla stessa persona si sommano nella perdita, e la somma è limitata dal tetto.",
        "Pseudonyms never leave the node, and each node has its own key: answers from two organisations cannot be linked person by person. Several answers about the same person add up in the loss, and the cap bounds the total.",
    );
    w.section("WP216, 3", "Deduzione (inference)", "Inference");
    w.text(
        "Ciò che si deduce di una persona perché è vero della popolazione (chi è anziano e vive in un'area ha spesso un certo bisogno) si deduce anche se quella persona non è nel registro: nessuna statistica lo evita, ed è un rischio da valutare (vedi il danno ai gruppi). Ciò che si deduce perché le sue righe ci sono è limitato come sopra.",
        "What can be inferred about a person because it is true of the population (older people in an area often have a certain need) can be inferred even if that person is not in the register: no statistic prevents this, and it is a risk to be assessed (see 'Harm to groups'). What can be inferred because their rows are there is bounded as above.",
    );

    w.section("", "Danno ai gruppi", "Harm to groups");
    w.text(
        "La privacy differenziale non nasconde che un piccolo gruppo vive in un luogo. I gruppi che la tassonomia segna come sensibili (violenza, tratta, HIV, dipendenze, reati, approssimazioni dell'origine etnica) si rispondono solo per l'intera città e sono negati se una regola non li nomina.",
        "Differential privacy does not hide the fact that a small group lives in a place. Questions about groups that the taxonomy marks as sensitive (violence, trafficking, HIV, addiction, offences, proxies for ethnic origin) are answered for the whole city only, and are denied unless a rule names the group.",
    );
    w.complete(
        "quali gruppi piccoli o stigmatizzati conosce l'organizzazione, e se la policy li protegge abbastanza.",
        "which small or stigmatised groups the organisation knows of, and whether the policy protects them sufficiently.",
    );

    citywide(&mut w, facts);

    w.section("Art. 35(7)(c)", "Rischi che restano", "Risks that remain");
    w.text(
        "Una persona i cui dati stanno sotto m codici fiscali diversi è m persone: la sua perdita arriva a m² volte. Le righe senza codice fiscale valido non entrano in alcuna risposta. Un nodo con software alterato non si scopre dall'esterno: il log prova che cosa è stato registrato. Il numero di secondi interi di una risposta può dipendere dalla dimensione del registro. Finché non c'è la somma sicura, il coordinatore vede la risposta con rumore di ciascun nodo.",
        "A person whose data are held under m different tax codes counts as m people: the loss is up to m² times as large. Rows without a valid tax code enter no answer. A node running altered software cannot be detected from outside: the log proves what was recorded. The number of whole seconds an answer takes may depend on the size of the register. As long as there is no secure summation, the coordinator sees each node's noisy answer.",
    );
    w.section("Art. 35(7)(d)", "Misure", "Measures");
    w.text(
        "Quelle del registro dei trattamenti (art. 30), la visibilità e i termini dei risultati che la policy fissa, e la verifica indipendente: `audit export` e `audit verify` controllano fuori linea, con chiavi e checkpoint che il DPO conserva, che nessuna voce manchi o sia cambiata e che ogni risposta abbia il suo addebito.",
        "Those listed in the record of processing (Art. 30); the audience and time limits that the policy sets for results; and independent verification: `audit export` and `audit verify` check offline, with keys and checkpoints kept by the DPO, that no entry is missing or altered and that every answer has its charge.",
    );
    let [italian, english] = facts.releases();
    w.text(italian, english);
    let [italian, english] = facts.witnesses_in_words();
    w.text(italian, english);
    w.done()
}

/// The loss of a person known to m organisations.
pub(super) fn citywide(w: &mut Writer, facts: &Facts) {
    let language = w.language;
    let all = facts.participants().len() as u64;
    w.section(
        "",
        "Una persona nota a più organizzazioni",
        "A person known to several organisations",
    );
    w.text(
        "Le perdite presso organizzazioni diverse si sommano. Questo nodo conosce soltanto la propria; la tabella suppone che le altre abbiano speso e promesso quanto questa. Con tetti diversi si sommano i tetti diversi.",
        "Losses at different organisations add up. This node knows only its own; the table assumes that the others have spent and promised as much as this one. Where caps differ, the different caps add up.",
    );
    let mut counts = vec![1, 3, all];
    counts.sort_unstable();
    counts.dedup();
    let rows = (counts.into_iter())
        .map(|m| {
            let (spent, cap) = (
                loss::times(facts.balance.spent, m),
                loss::times(facts.lifetime(), m),
            );
            let label = if m == all {
                language.pick(format!("{m} (tutte)"), format!("{m} (all)"))
            } else {
                m.to_string()
            };
            vec![
                label,
                loss::rho_words(spent, language),
                loss::guess_words(spent, language),
                loss::rho_words(cap, language),
                loss::guess_words(cap, language),
            ]
        })
        .collect();
    w.table(
        &[
            ("m", "m"),
            ("Fino a oggi", "To date"),
            ("Indovina al più", "Right at most"),
            ("Al tetto", "At the cap"),
            ("Indovina al più", "Right at most"),
        ],
        rows,
    );
}
