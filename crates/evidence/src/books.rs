//! What the entries of one log say together: every answer has its charge, the charges add up to the ledger's totals, the
//! cap in force was kept, and acts are signed. It reads headers only, but for acts, whose body is what was signed.

use crate::acceptances::{self, Accepted};
use crate::log::{Pack, member};
use crate::pack::{LEDGER, LedgerTotals, Side};
use crate::report::Code;
use crate::trust::Trust;
use crate::write;
use crate::{acts, policies};
use audit::{EntryKind, Header};
use std::collections::{BTreeMap, BTreeSet};

/// What allowed an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// A debit of so much.
    Charge(u64),
    /// The noise of another request.
    Reuse(String),
}

/// What a log says of each request.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// On a node: what allowed a request, with the entry and its hash. On the coordinator nothing.
    pub(crate) allowed: BTreeMap<String, (Header, Allowed)>,
    /// The entry of a request's answer.
    pub(crate) answers: BTreeMap<String, Header>,
    /// Refusals of a request: rule, field and code, on either side.
    pub(crate) refusals: BTreeMap<String, Vec<Header>>,
    /// On the coordinator: the entry by which a request was handed to its node.
    pub(crate) sent: BTreeMap<String, Header>,
    /// On a node: the restored coordinators that its officers accepted.
    pub(crate) accepted: Vec<Accepted>,
}

/// Reads the books of a pack and adds what is wrong to its findings.
pub(crate) fn read(pack: &mut Pack, trust: &Trust) -> Books {
    match pack.manifest.side {
        Side::Node => node(pack, trust),
        Side::Coordinator => coordinator(pack),
    }
}

fn node(pack: &mut Pack, trust: &Trust) -> Books {
    let mut books = Books::default();
    let mut totals = LedgerTotals::default();
    let mut overspent = None;
    // From the log's first policy on, policies say who the officers are; before it, the reader does.
    let chain = policies::check(pack, trust);
    let first_policy = chain.first.unwrap_or(u64::MAX);
    books.accepted = acceptances::read(pack, trust, chain.accepted);
    let named = trust.officers(&pack.manifest.origin);
    let mut found = Vec::new();
    for entry in &pack.entries {
        let Some(header) = &entry.header else {
            continue;
        };
        let mut fault = |code, words: String| found.push((code, header.index, words));
        let request = header.text("request").unwrap_or_default().to_owned();
        match header.kind {
            EntryKind::Account if totals.lifetime.is_some() => {
                fault(Code::Altered, "opens the account a second time".to_owned());
            }
            EntryKind::Account => totals.lifetime = header.number("lifetime"),
            EntryKind::Charge => {
                let rho = header.number("rho").unwrap_or_default();
                charge(&mut totals, header, rho);
                let allowed = (header.clone(), Allowed::Charge(rho));
                if books.allowed.insert(request, allowed).is_some() {
                    fault(Code::Altered, "charges a request a second time".to_owned());
                }
            }
            EntryKind::Reuse => {
                let source = header.text("noise-of").unwrap_or_default().to_owned();
                if !books.answers.contains_key(&source) {
                    let words =
                        format!("reuses the noise of {source}, which has no answer before it");
                    fault(Code::AnswerWithoutCharge, words);
                }
                let allowed = (header.clone(), Allowed::Reuse(source));
                if books.allowed.insert(request, allowed).is_some() {
                    fault(Code::Altered, "allows a request a second time".to_owned());
                }
            }
            EntryKind::Answer => {
                let by = header.number("allowed-by");
                let fits = (books.allowed.get(&request))
                    .is_some_and(|(allowed, _)| Some(allowed.index) == by);
                if !fits {
                    let words = format!(
                        "answers request {request}, which no charge or reuse before it allows"
                    );
                    fault(Code::AnswerWithoutCharge, words);
                }
                if books.answers.insert(request, header.clone()).is_some() {
                    fault(Code::Altered, "answers a request a second time".to_owned());
                }
            }
            EntryKind::Refusal => books
                .refusals
                .entry(request)
                .or_default()
                .push(header.clone()),
            EntryKind::WriteOff => write_off(&mut totals, header),
            _ => {}
        }
        if acts::is_act(header) {
            let signers = entry
                .body
                .as_deref()
                .and_then(|body| acts::signers(header, body));
            match signers {
                None => fault(
                    Code::Signature,
                    "is an act that is not signed as it says".to_owned(),
                ),
                Some(signers) => {
                    let held = header.index < first_policy && !named.is_empty();
                    if held && !signers.iter().any(|key| named.contains(key)) {
                        let words =
                            "is an act by a key that is not the officer's in the file of keys";
                        fault(Code::Signature, words.to_owned());
                    }
                    if let Some(lifetime) = header.number("lifetime") {
                        if totals.lifetime != header.number("lifetime-before") {
                            fault(
                                Code::Altered,
                                "replaces a cap that was not in force".to_owned(),
                            );
                        }
                        totals.lifetime = Some(lifetime);
                    }
                }
            }
        }
        if totals.spent > totals.lifetime.unwrap_or_default() && overspent.is_none() {
            overspent = Some(header.index);
        }
    }
    for (code, index, words) in found {
        pack.findings.add(code, Some(index), words);
    }
    if let Some(index) = overspent {
        let words = "more was charged up to here than the lifetime cap in force";
        pack.findings.add(Code::Overspent, Some(index), words);
    }
    check_totals(pack, &totals);
    books
}

fn charge(totals: &mut LedgerTotals, header: &Header, rho: u64) {
    totals.charges += 1;
    totals.spent = totals.spent.saturating_add(rho);
    let year = header.number("year").unwrap_or_default().to_string();
    let key = |name| header.text(name).unwrap_or_default().to_owned();
    for (part, key) in [
        (&mut totals.by_year, year),
        (&mut totals.by_dataset, key("dataset")),
        (&mut totals.by_purpose, key("purpose")),
        (&mut totals.by_study, key("study")),
    ] {
        let total = part.entry(key).or_default();
        *total = total.saturating_add(rho);
    }
}

fn write_off(totals: &mut LedgerTotals, header: &Header) {
    let rho = header.number("rho").unwrap_or_default();
    let key = header.text("key").unwrap_or_default().to_owned();
    let part = match header.text("part") {
        Some("year") => {
            totals.spent = totals.spent.saturating_add(rho);
            totals.written_off = totals.written_off.saturating_add(rho);
            &mut totals.by_year
        }
        Some("dataset") => &mut totals.by_dataset,
        Some("purpose") => &mut totals.by_purpose,
        _ => &mut totals.by_study,
    };
    let total = part.entry(key).or_default();
    *total = total.saturating_add(rho);
}

fn check_totals(pack: &mut Pack, counted: &LedgerTotals) {
    let stated = member(&pack.members, LEDGER).and_then(|text| {
        let totals = serde_json::from_str::<LedgerTotals>(text).ok()?;
        (write::json(&totals).ok()? == text).then_some(totals)
    });
    let Some(stated) = stated else {
        let words = format!("{LEDGER} is missing or cannot be read");
        pack.findings.add(Code::Damaged, None, words);
        return;
    };
    if stated == *counted {
        return;
    }
    let words = if (stated.charges, stated.spent) == (counted.charges, counted.spent) {
        "the ledger's parts or its cap are not those of the log".to_owned()
    } else {
        format!(
            "the ledger says {} charges and {} nano-rho, the log holds {} and {}",
            stated.charges, stated.spent, counted.charges, counted.spent
        )
    };
    pack.findings.add(Code::TotalDiffers, None, words);
}

fn coordinator(pack: &mut Pack) -> Books {
    let mut books = Books::default();
    let (mut asked, mut found) = (BTreeSet::new(), Vec::new());
    for header in pack
        .entries
        .iter()
        .filter_map(|entry| entry.header.as_ref())
    {
        let request = header.text("request").unwrap_or_default().to_owned();
        match (header.kind, header.text("code").unwrap_or_default()) {
            (EntryKind::Request, "query-asked") => {
                asked.insert(header.text("query").unwrap_or_default().to_owned());
            }
            (EntryKind::Request, "request-sent") => {
                books.sent.insert(request, header.clone());
            }
            (EntryKind::Answer, _) => {
                let node = header.text("node");
                let fits = (books.sent.get(&request)).is_some_and(|sent| sent.text("node") == node);
                if !fits {
                    let words = format!(
                        "has an answer to request {request}, which was not sent to that node"
                    );
                    found.push((Code::AnswerWithoutCharge, header.index, words));
                }
                if books.answers.insert(request, header.clone()).is_some() {
                    let words = "has a second answer to a request".to_owned();
                    found.push((Code::Altered, header.index, words));
                }
            }
            (EntryKind::Refusal, "node-refused") => {
                books
                    .refusals
                    .entry(request)
                    .or_default()
                    .push(header.clone());
            }
            (EntryKind::Release, "release-published") => {
                let query = header.text("query").unwrap_or_default();
                if pack.manifest.scope.is_none() && !asked.contains(query) {
                    let words = format!("releases query {query}, which was not asked before it");
                    found.push((Code::AnswerWithoutCharge, header.index, words));
                }
            }
            _ => {}
        }
    }
    for (code, index, words) in found {
        pack.findings.add(code, Some(index), words);
    }
    books
}
