//! Tables that are read, and what is said of those that cannot be.

use super::*;

#[track_caller]
fn check<T: std::fmt::Debug>(read: Result<Vec<T>, TableError>, says: &[&str]) {
    // Unwrap safety: each caller gives a bad table.
    let message = read.unwrap_err().to_string();
    for part in says {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn bad_rows_are_named_by_file_line_column_and_remedy() {
    let text = "id,demand,variance\na,1,2\nb,x,1\n,4,1\nd,4,-1\na,4,1\n";
    check(
        demand(text.as_bytes(), "demand.csv"),
        &[
            "4 rows",
            "demand.csv, line 3, column demand: `x` is no number",
            "line 4, column id: is empty",
            "line 5, column variance: -1 is below 0",
            "line 6, column id: `a` comes twice",
        ],
    );
    check(
        sites(
            "id,status,modules\na,open,1\nb,closed,1.5\n".as_bytes(),
            "s.csv",
        ),
        &[
            "s.csv, line 2, column status: `open` is no status; write candidate",
            "line 3, column modules: 1.5",
        ],
    );
    check(
        costs(
            "from_id,to_id,minutes\na,b,-2\na,c,\n".as_bytes(),
            "od.csv",
            None,
            None,
        ),
        &[
            "line 2, column minutes: -2",
            "line 3, column minutes: is empty",
        ],
    );
}

#[test]
fn pairs_twice_in_one_mode_are_named_and_modes_told_apart() {
    let text = "from_id,to_id,minutes,mode\na,b,2,foot\na,b,1,bus\n,,,\na,c,3,bus\na,b,4,foot\n";
    check(
        costs(text.as_bytes(), "od.csv", None, None),
        &[
            "1 rows",
            "od.csv, line 6, column to_id: the pair a to b comes twice",
        ],
    );
    // Unwrap safety: within one mode no pair comes twice.
    let by_bus = costs(text.as_bytes(), "od.csv", Some("bus"), None).unwrap();
    assert_eq!(by_bus.len(), 2);
    assert_eq!(
        modes(text.as_bytes()).into_iter().collect::<Vec<_>>(),
        ["bus", "foot"]
    );
    for (mode, says) in [
        (None, "several; pick one with --mode: bus, foot"),
        (Some("car"), "write one of bus, foot"),
    ] {
        // Unwrap safety: neither is a mode of the table.
        let told = one_mode(text.as_bytes(), "od.csv", mode)
            .unwrap_err()
            .to_string();
        assert!(
            told.starts_with("od.csv, column mode:") && told.contains(says),
            "{told}"
        );
    }
    assert!(modes("from_id,to_id,minutes\na,b,3\n".as_bytes()).is_empty());
}

#[test]
fn columns_missing_or_mistyped_are_named() {
    check(
        demand("id;demand\na;1\n".as_bytes(), "d.csv"),
        &[
            "d.csv: the columns are not separated by commas",
            "id;demand",
        ],
    );
    check(
        demand("id,demand,demand\na,1,2\n".as_bytes(), "d.csv"),
        &["the column `demand` comes twice"],
    );
    check(
        demand(&b"id,demand\nCitt\xe0,1\n"[..], "d.csv"),
        &["d.csv, line 2 is no CSV in UTF-8; save it"],
    );
    check(
        demand("id,need\na,1\n".as_bytes(), "d.csv"),
        &["no column `demand`", "found: id, need"],
    );
    check(
        demand("id,demand,varance\na,1,2\n".as_bytes(), "d.csv"),
        &["`varance` is not known; write `variance`"],
    );
    check(demand("id,demand\n".as_bytes(), "d.csv"), &["no row"]);
}

#[test]
fn a_mark_at_the_beginning_quotes_and_empty_fields_are_read() {
    let text = "\u{feff}id,status,capacity,targets\n\"a, b\",,12,elderly; minors\n";
    // Unwrap safety: the table is good.
    let rows = sites(text.as_bytes(), "s.csv").unwrap();
    assert_eq!(
        (rows[0].id.as_str(), rows[0].capacity),
        ("a, b", Some(12.0))
    );
    assert_eq!(rows[0].targets, ["elderly", "minors"]);
    assert_eq!(rows[0].status, SiteStatus::Candidate);
}

#[test]
fn pairs_beyond_the_radius_leave_but_for_the_nearest() {
    let text = "from_id,to_id,minutes,mode\na,x,5,foot\na,y,50,foot\nb,x,40,foot\nb,y,30,foot\nb,y,3,car\n";
    // Unwrap safety: the table is good.
    let kept = costs(text.as_bytes(), "od.csv", Some("foot"), Some(10.0)).unwrap();
    let told: Vec<(&str, &str, f64)> = (kept.iter())
        .map(|cost| (cost.from_id.as_str(), cost.to_id.as_str(), cost.minutes))
        .collect();
    assert_eq!(told, [("a", "x", 5.0), ("a", "y", 50.0), ("b", "y", 30.0)]);
}
