//! The flows that municipalities send to INPS for the SIUSS: PS, PSA and SINA by person, SINBA by minor under a pseudonym.
//! One record is a benefit in a month: a periodic one is repeated for each month it runs, an occasional one stands once.
//!
//! Source: the schemas PS_PSA_SINA201812.xsd and SINBA.xsd of INPS. Names of people are passed over. A cancellation takes
//! back what the same person's element said before it; one for an earlier file must be carried out where files are made.

use crate::error::SourceError;
use crate::markup::Bounded;
use crate::notation::Notation;
use crate::pipe::{Piped, Sink, piped};
use crate::sentences::DOCUMENT_TYPE;
use quick_xml::encoding::DecodingReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use snapshot::RejectKind;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

const FORMAT: &str = "SIUSS XML";
/// Most bytes of a flow.
const FLOW: u64 = 64 << 30;
/// Most benefits of one person in one flow; a person with more is left out whole.
const BENEFITS: usize = 10_000;
/// Most months of a periodic benefit.
const MONTHS: i64 = 120;

/// Attributes of a person, then of a benefit, then what follows from them.
const PERSON: [&str; 8] = [
    "CodiceFiscale",
    "AnnoNascita",
    "LuogoNascita",
    "Genere",
    "CodiceCittadinanza",
    "CodiceRegione",
    "CodiceComune",
    "CodiceNazione",
];
const BENEFIT: [&str; 24] = [
    "TipoOperazione",
    "PresenzaProvaMezzi",
    "CaratterePrestazione",
    "CodicePrestazione",
    "ProtocolloDomanda",
    "DataEvento",
    "DataInizioPrestazione",
    "DataFinePrestazione",
    "DataErogazionePrestazione",
    "ImportoPrestazione",
    "ImportoMensile",
    "ImportoQuotaEnte",
    "ImportoSogliaISEE",
    "OreServizioMensile",
    "PresaCarico",
    "AreaUtenza",
    "Mobilita",
    "AttivitaVitaQuotidiana",
    "DisturbiAreaCognitiva",
    "DisturbiComportamentali",
    "NecessitaCureSanitarie",
    "AreaReddituale",
    "AreaSupporto",
    "InvCiv",
];
/// The columns of a flow PS, PSA or SINA. `Data`, `Importo` and `Ore` are those of the month or of the one occasion.
pub const SINA_COLUMNS: [&str; 35] = joined(PERSON, BENEFIT, ["Data", "Importo", "Ore"]);

const MINOR: [&str; 24] = [
    "IDBeneficiario",
    "AnnoNascita",
    "MinoreStranieroNoAcc",
    "CondizioneMinore",
    "LuogoVita",
    "ScuolaFrequentata",
    "CondizioneLavoro",
    "Disabilita",
    "TipoDisabilita",
    "InvCivCertificazioni",
    "DataPrimaSegnalazione",
    "FonteSegnalazione",
    "ValutazioneMinore",
    "ValutazioneFamigliaMinore",
    "SegnalazioneAutoritaGiudiziaria",
    "ProvvedimentoGiudiziario",
    "TipoInterventoAffido",
    "TipoInserimentoResidenziale",
    "MotivazioneChiusuraCarico",
    "NumeroComponentiISEE",
    "FasciaEtaBeneficiario",
    "FasciaISEEBeneficiario",
    "CodiceRegioneResidenza",
    "CodiceNazioneResidenza",
];
/// The columns of a flow SINBA. `Data` is the first of the month of the first report; `NascitaStimata` the middle of the
/// year of birth, which is all that the flow tells.
pub const SINBA_COLUMNS: [&str; 27] =
    joined(MINOR, ["CodicePrestazione"], ["Data", "NascitaStimata"]);

const fn joined<const A: usize, const B: usize, const C: usize, const N: usize>(
    first: [&'static str; A],
    second: [&'static str; B],
    third: [&'static str; C],
) -> [&'static str; N] {
    assert!(A + B + C == N);
    let mut all = [""; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < A {
            first[at]
        } else if at < A + B {
            second[at - A]
        } else {
            third[at - A - B]
        };
        at += 1;
    }
    all
}

/// Opens a flow.
pub(crate) fn open(path: &Path, notation: Notation) -> Result<Piped, SourceError> {
    let file = path.to_owned();
    piped(path, FORMAT, move |sink| stream(&file, notation, sink))
}

/// What is known of the person or minor whose element is read.
struct Flow<'s> {
    notation: Notation,
    sink: &'s mut Sink,
    started: bool,
    number: u64,
    person: Vec<String>,
    addresses: usize,
    /// Benefits of the person so far; the last one may still be filled.
    benefits: Vec<Vec<String>>,
    too_many: bool,
    minor: Vec<String>,
    /// The element whose text is wanted.
    wanted: Option<&'static str>,
    text: String,
}

fn stream(path: &Path, notation: Notation, sink: &mut Sink) -> Result<(), SourceError> {
    let damaged = || SourceError::Damaged {
        path: path.to_owned(),
        format: FORMAT,
    };
    let file = File::open(path).map_err(|source| SourceError::File {
        path: path.to_owned(),
        source,
    })?;
    let bounded = BufReader::with_capacity(1 << 16, Bounded::new(file, FLOW));
    let mut reader = Reader::from_reader(DecodingReader::new(bounded));
    let mut flow = Flow {
        notation,
        sink,
        started: false,
        number: 0,
        person: vec![String::new(); PERSON.len()],
        addresses: 0,
        benefits: Vec::new(),
        too_many: false,
        minor: vec![String::new(); MINOR.len()],
        wanted: None,
        text: String::new(),
    };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(|_| damaged())? {
            Event::Decl(declaration) => match declaration.encoder() {
                Some(encoding) => reader.get_mut().set_encoding(encoding),
                // No encoding is declared: UTF-8.
                None if declaration.encoding().is_none() => {}
                None => return Err(damaged()),
            },
            Event::DocType(_) => {
                return Err(SourceError::Refused {
                    path: path.to_owned(),
                    problem: (&DOCUMENT_TYPE).into(),
                });
            }
            Event::Start(element) => flow
                .start(&element)
                .map_err(|fault| fault.unwrap_or_else(damaged))?,
            Event::Empty(element) => {
                flow.start(&element)
                    .map_err(|fault| fault.unwrap_or_else(damaged))?;
                flow.end(element.local_name().as_ref())?;
            }
            Event::Text(text) if flow.wanted.is_some() => {
                flow.text
                    .push_str(&text.xml_content(XmlVersion::Implicit1_0));
            }
            Event::End(element) => flow.end(element.local_name().as_ref())?,
            Event::Eof => break,
            _ => {}
        }
    }
    if !flow.started {
        return Err(damaged());
    }
    Ok(())
}

impl Flow<'_> {
    /// `Err(None)` where the markup is damaged.
    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), Option<SourceError>> {
        self.wanted = None;
        match element.local_name().as_ref() {
            "Beneficiario" => {
                self.columns(&SINA_COLUMNS)?;
                self.person.iter_mut().for_each(String::clear);
                self.benefits.clear();
                (self.addresses, self.too_many) = (0, false);
                fill(element, &PERSON, &mut self.person)?;
            }
            "Anagrafica" => fill(element, &PERSON, &mut self.person)?,
            "Indirizzo" => {
                self.addresses += 1;
                if self.addresses == 1 {
                    fill(element, &PERSON, &mut self.person)?;
                }
            }
            "PrestazioniSociali" => {
                self.too_many |= self.benefits.len() >= BENEFITS;
                if !self.too_many {
                    let mut benefit = vec![String::new(); BENEFIT.len()];
                    fill(element, &BENEFIT, &mut benefit)?;
                    self.benefits.push(benefit);
                }
            }
            "SINA" => {
                if let Some(benefit) = self.benefits.last_mut() {
                    fill(element, &BENEFIT, benefit)?;
                }
            }
            "InvCiv" => self.want("InvCiv"),
            "SINBA" => {
                self.columns(&SINBA_COLUMNS)?;
                self.minor.iter_mut().for_each(String::clear);
                self.benefits.clear();
                self.too_many = false;
                fill(element, &MINOR, &mut self.minor)?;
            }
            "CodicePrestazione" => self.want("CodicePrestazione"),
            _ => {}
        }
        Ok(())
    }

    fn want(&mut self, element: &'static str) {
        self.wanted = Some(element);
        self.text.clear();
    }

    fn end(&mut self, element: &str) -> Result<(), SourceError> {
        let wanted = self.wanted.take().filter(|wanted| *wanted == element);
        match (element, wanted) {
            ("InvCiv", Some(_)) => {
                let code = self.text.trim();
                if let Some(benefit) = self.benefits.last_mut() {
                    let place = BENEFIT.len() - 1;
                    if benefit[place].is_empty() {
                        benefit[place].push_str(code);
                    }
                }
            }
            // Of a minor; inside SINA it is a need for a service, which is no service.
            ("CodicePrestazione", Some(_)) if !self.minor[0].is_empty() => {
                self.too_many |= self.benefits.len() >= BENEFITS;
                if !self.too_many {
                    self.benefits.push(vec![self.text.trim().to_owned()]);
                }
            }
            ("Beneficiario", _) => self.write_person()?,
            ("SINBA", _) => self.write_minor()?,
            _ => {}
        }
        Ok(())
    }

    fn columns(&mut self, columns: &[&str]) -> Result<(), SourceError> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        self.sink.columns(columns)
    }

    fn begin(&mut self) -> Result<(), SourceError> {
        self.number += 1;
        self.sink.begin(self.number)
    }

    fn write_person(&mut self) -> Result<(), SourceError> {
        if self.too_many {
            self.begin()?;
            self.sink.spoil(RejectKind::TooLong);
            return Ok(());
        }
        let benefits = std::mem::take(&mut self.benefits);
        for benefit in &uncancelled(&benefits) {
            for (date, amount) in months(benefit) {
                self.begin()?;
                self.person.iter().for_each(|field| self.sink.field(field));
                let dates = at("DataEvento")..=at("DataErogazionePrestazione");
                let amounts = at("ImportoPrestazione")..=at("OreServizioMensile");
                for (place, field) in benefit.iter().enumerate() {
                    self.text.clear();
                    if dates.contains(&place) {
                        self.notation.iso_date(field, &mut self.text);
                    } else if amounts.contains(&place) {
                        self.notation.number(field, &mut self.text);
                    } else {
                        self.text.push_str(field);
                    }
                    self.sink.field(&self.text);
                }
                self.text.clear();
                self.notation.iso_date(&date, &mut self.text);
                self.sink.field(&self.text);
                for field in [amount, &benefit[at("OreServizioMensile")]] {
                    self.text.clear();
                    self.notation.number(field, &mut self.text);
                    self.sink.field(&self.text);
                }
            }
        }
        Ok(())
    }

    fn write_minor(&mut self) -> Result<(), SourceError> {
        if self.benefits.is_empty() {
            self.benefits.push(vec![String::new()]);
        }
        // MM/YYYY.
        let reported = self.minor[10].split_once('/');
        let date = reported.map_or(String::new(), |(month, year)| format!("{year}-{month}-01"));
        let birth = match self.minor[1].as_str() {
            "" => String::new(),
            year => format!("{year}-07-01"),
        };
        for benefit in std::mem::take(&mut self.benefits) {
            self.begin()?;
            if self.too_many {
                self.sink.spoil(RejectKind::TooLong);
                break;
            }
            self.minor.iter().for_each(|field| self.sink.field(field));
            self.sink.field(&benefit[0]);
            for written in [&date, &birth] {
                self.text.clear();
                self.notation.iso_date(written, &mut self.text);
                self.sink.field(&self.text);
            }
        }
        self.minor.iter_mut().for_each(String::clear);
        Ok(())
    }
}

/// Where an attribute of a benefit stands.
fn at(name: &str) -> usize {
    BENEFIT.iter().position(|known| *known == name).unwrap_or(0)
}

/// Takes over the attributes that have a place.
fn fill(
    element: &BytesStart<'_>,
    names: &[&str],
    values: &mut [String],
) -> Result<(), Option<SourceError>> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|_| None)?;
        let name = attribute.key.local_name();
        let Some(place) = names.iter().position(|known| *known == name.as_ref()) else {
            continue;
        };
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|_| None)?;
        value.trim().clone_into(&mut values[place]);
    }
    Ok(())
}

/// Benefits without those that a later cancellation of the same person takes back, and without cancellations.
fn uncancelled(benefits: &[Vec<String>]) -> Vec<&Vec<String>> {
    let mut kept: Vec<&Vec<String>> = Vec::new();
    let same = [
        "CodicePrestazione",
        "ProtocolloDomanda",
        "DataInizioPrestazione",
        "DataErogazionePrestazione",
    ];
    for benefit in benefits {
        if benefit[0] == "C" {
            kept.retain(|other| same.iter().any(|name| other[at(name)] != benefit[at(name)]));
        } else {
            kept.push(benefit);
        }
    }
    kept
}

/// The dates, ISO, and amount of each month of a benefit; of the one occasion where it is not periodic.
fn months(benefit: &[String]) -> Vec<(String, &str)> {
    let field = |name| benefit[at(name)].as_str();
    let once = field("DataErogazionePrestazione");
    if field("CaratterePrestazione") == "2" || field("DataInizioPrestazione").is_empty() {
        let date = [once, field("DataInizioPrestazione"), field("DataEvento")];
        let date = date
            .into_iter()
            .find(|date| !date.is_empty())
            .unwrap_or_default();
        let amount = [field("ImportoPrestazione"), field("ImportoMensile")];
        let amount = amount
            .into_iter()
            .find(|amount| !amount.is_empty())
            .unwrap_or_default();
        return vec![(date.to_owned(), amount)];
    }
    let (start, amount) = (field("DataInizioPrestazione"), field("ImportoMensile"));
    let mut all = vec![(start.to_owned(), amount)];
    let month = |date: &str| {
        let year: i64 = date.get(..4)?.parse().ok()?;
        let month: i64 = date.get(5..7)?.parse().ok()?;
        Some(year * 12 + month - 1)
    };
    // Of a benefit without an end only its first month is known.
    if let (Some(first), Some(last)) = (month(start), month(field("DataFinePrestazione"))) {
        let last = last.min(first + MONTHS - 1);
        all.extend((first + 1..=last).map(|month| {
            let date = format!("{:04}-{:02}-01", month / 12, month % 12 + 1);
            (date, amount)
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn benefit(fields: &[(&str, &str)]) -> Vec<String> {
        let mut benefit = vec![String::new(); BENEFIT.len()];
        for (name, value) in fields {
            benefit[at(name)] = (*value).to_owned();
        }
        benefit
    }

    #[test]
    fn a_periodic_benefit_stands_in_each_month_it_runs_and_not_for_ever() {
        let run = |from, to| {
            let benefit = benefit(&[
                ("CaratterePrestazione", "1"),
                ("DataInizioPrestazione", from),
                ("DataFinePrestazione", to),
                ("ImportoMensile", "7"),
            ]);
            months(&benefit)
                .into_iter()
                .map(|(date, amount)| format!("{date} {amount}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            run("2020-11-14", "2021-01-01"),
            ["2020-11-14 7", "2020-12-01 7", "2021-01-01 7"]
        );
        assert_eq!(run("2020-11-14", ""), ["2020-11-14 7"]);
        assert_eq!(run("2020-11-14", "2019-01-01"), ["2020-11-14 7"]);
        assert_eq!(run("0001-01-01", "9999-12-31").len(), 120);
        assert_eq!(run("x", "y"), ["x 7"]);
        let once = benefit(&[
            ("CaratterePrestazione", "2"),
            ("DataErogazionePrestazione", "2020-12-01"),
            ("ImportoPrestazione", "9"),
        ]);
        assert_eq!(months(&once), [("2020-12-01".to_owned(), "9")]);
    }

    #[test]
    fn a_cancellation_takes_back_what_it_names_and_nothing_else() {
        let insert = |protocol| {
            benefit(&[
                ("TipoOperazione", "I"),
                ("ProtocolloDomanda", protocol),
                ("CodicePrestazione", "A1.04"),
            ])
        };
        let cancel = benefit(&[
            ("TipoOperazione", "C"),
            ("ProtocolloDomanda", "1"),
            ("CodicePrestazione", "A1.04"),
        ]);
        let all = [insert("1"), insert("2"), cancel];
        assert_eq!(uncancelled(&all), [&all[1]]);
    }
}
