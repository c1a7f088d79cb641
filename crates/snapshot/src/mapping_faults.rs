//! What can be wrong with a mapping, each with the remedy.

use crate::sentences;

sentences! { MAPPING_SENTENCES:
    TOML "mapping-toml" "{0}"
    VERSION "mapping-version" "this program reads version 1; write `version = 1`"
    DELIMITER "mapping-delimiter" "write one of \";\", \",\", \"|\" or \"\\t\""
    DECIMAL "mapping-decimal" "write \",\" or \".\""
    THOUSANDS "mapping-thousands" "write \".\", \",\", \"'\" or \" \", and not the decimal mark"
    HEADER_LINE "mapping-header-line" "write the number of the line that names the columns, 1 to 100"
    SAID_ALREADY "mapping-said-already" "columns.{0} says it already; leave one of the two out"
    LINKED_ALREADY "mapping-linked-already" "columns.codice_fiscale links rows already; leave one of the two out"
    BLANK_NAME "mapping-blank-name" "a name is blank; write the column's name"
    NEEDED "mapping-needed" "every register needs it; write `{0} = \"NAME OF THE COLUMN\"`"
    TOO_FINE "mapping-too-fine" "`{0}` needs a column for `{1}`; write `{1} = \"NAME OF THE COLUMN\"` under [columns], or a coarser level"
    BLANK_COLUMN "mapping-blank-column" "is blank; write the column's name or leave the line out"
    TAKEN_COLUMN "mapping-taken-column" "the column `{0}` already fills another field"
    UNKNOWN_ID "mapping-unknown-id" "`{0}` is not a known identifier; known are {1}"
    JOIN_NAME "mapping-join-name" "write 1 or more of a-z, 0-9 and -"
    JOIN_TAKEN "mapping-join-taken" "the name is taken; choose another"
    JOIN_FORMAT "mapping-join-format" "write both `delimiter` and `encoding`, or neither"
    DEGREES "mapping-degrees" "write both `latitude` and `longitude`"
    STREET "mapping-street" "write `street = \"NAME OF THE COLUMN\"` as well"
    NO_HOME "mapping-no-home" "name a column that tells where people live, or leave [home] out"
    NO_FIELD "mapping-no-field" "is no field of the common model"
    NOT_CONSTANT "mapping-not-constant" "cannot be the same in every row"
}
