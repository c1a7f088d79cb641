//! Files of every version that was ever written stay readable.

use query::Month;
use snapshot::{CodiceFiscale, Edition, HouseholdOf, Mapping, NodeKey, PersonRow, Snapshot};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use taxonomy::model::{Benefit, Need, Quantity};

/// The register all fixtures were made from: three people in two households.
fn register() -> String {
    let code = |first: &str| {
        let mut all = (b'A'..=b'Z').map(|check| format!("{first}{}", check as char));
        all.find(|code| CodiceFiscale::parse(code).is_ok())
            .expect("one check character is right")
    };
    let (mario, laura, giuseppe) = (
        code("RSSMRA80A01F205"),
        code("VRDLRA85T50F205"),
        code("BNCGPP40A01F205"),
    );
    [
        "CODICE_FISCALE;COGNOME;NOME;SESSO;DATA_NASCITA;CITTADINANZA;NIL;MUNICIPIO;ID_NUCLEO;ISEE;\
         DISABILITA;BISOGNO;BENEFICIO;SERVIZIO;DATA;QUANTITA;IMPORTO"
            .to_owned(),
        format!(
            "{mario};R;M;M;01/01/1980;IT;15;3;N1;1.000,00;0;food;adi;home-care;10/03/2025;1,5;12,50"
        ),
        format!("{mario};R;M;M;01/01/1980;IT;15;3;N1;1.000,00;0;;;home-care;11/03/2025;2;0,50"),
        format!("{laura};V;L;F;10/12/1985;UE;;;N1;;3;;;food-aid;01/04/2025;1;0,00"),
        format!("{giuseppe};B;G;M;01/01/1940;;77;4;N2;;;care;;day-centre;02/05/2025;4;48,00"),
    ]
    .join("\r\n")
}

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/snapshot-v{version}.bin"))
}

fn built() -> Snapshot {
    let mapping = Mapping::parse(Mapping::municipal_register()).expect("the municipal mapping");
    let edition = Edition {
        number: 7,
        label: "2026-07".to_owned(),
        created_at: 1_767_225_600,
    };
    let (snapshot, quality) = Snapshot::build(
        &mapping,
        register().as_bytes(),
        &NodeKey::new(&[5; 32]),
        edition,
    )
    .expect("a snapshot");
    assert_eq!((quality.persons, quality.loaded), (3, 4), "{quality:?}");
    snapshot
}

/// Writes the fixture of the present version; run by hand when a version is added.
#[test]
#[ignore = "writes a fixture"]
fn write_the_fixture_of_this_version() {
    built().write(&fixture(4)).expect("written");
}

/// What is kept of a person, under the word that tells it from others.
fn facts(snapshot: &Snapshot) -> BTreeMap<u64, String> {
    let months = || (1_500..1_510).filter_map(Month::from_index);
    let facts = |person: PersonRow<'_>| {
        // What the first versions could record.
        let needs: Vec<_> = Need::ALL[..6]
            .iter()
            .map(|need| months().find(|month| person.has_need(*need, *month)))
            .collect();
        let benefits: Vec<_> = Benefit::ALL[..4]
            .iter()
            .map(|benefit| months().find(|month| person.has_benefit(*benefit, *month)))
            .collect();
        let recorded = months().next_back().map(|month| person.recorded_by(month));
        let recorded = recorded.unwrap_or_default();
        // Versions order people and number households differently: who lives with whom is what counts.
        let members = match person.household {
            HouseholdOf::Member(household) => {
                let members = snapshot.household_members(household).iter();
                let mut words: Vec<u64> = members
                    .map(|place| snapshot.person(*place as usize).word)
                    .collect();
                words.sort_unstable();
                let births: Vec<_> = snapshot.household_births(household).collect();
                Some((words, births))
            }
            _ => None,
        };
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {needs:?} {benefits:?} {members:?}",
            person.birth,
            person.sex,
            person.citizenship,
            person.home,
            recorded.disability,
            recorded.income_band,
            person.events().collect::<Vec<_>>()
        )
    };
    (0..snapshot.person_count())
        .map(|place| snapshot.person(place))
        .map(|person| (person.word, facts(person)))
        .collect()
}

fn same_people(read: &Snapshot, expected: &Snapshot) {
    assert_eq!(read.edition(), expected.edition());
    assert_eq!(facts(read), facts(expected));
    assert_eq!(read.household_count(), 2);
}

#[test]
fn version_1_is_read_without_quantities() {
    let read = Snapshot::read(&fixture(1)).expect("version 1");
    same_people(&read, &built());
    assert!(
        Quantity::ALL
            .iter()
            .all(|quantity| !read.records(*quantity))
    );
    assert!((0..3).all(|index| read.person(index).cents.iter().all(|cents| *cents == 0)));
}

#[test]
fn later_versions_are_read_with_quantities() {
    for version in [2, 3, 4] {
        let read = Snapshot::read(&fixture(version)).expect("a known version");
        same_people(&read, &built());
        has_quantities(&read);
    }
}

fn has_quantities(read: &Snapshot) {
    assert!(Quantity::ALL.iter().all(|quantity| read.records(*quantity)));
    let worth = |snapshot: &Snapshot, index: usize| {
        let person = snapshot.person(index);
        (person.cents.to_vec(), person.minutes.to_vec())
    };
    let mut all: Vec<_> = (0..3).map(|index| worth(read, index)).collect();
    all.sort();
    assert_eq!(
        all,
        [
            (vec![0], vec![60]),
            (vec![1_300], vec![210]),
            (vec![4_800], vec![240])
        ]
    );
}
