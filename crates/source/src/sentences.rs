//! What can be wrong with a source and what to do, in sentences. They name keys, tables and kinds of files, never a value.

use snapshot::sentences;

sentences! { SOURCE_SENTENCES:
    // sources.toml and the options of `init` that write it.
    NOT_TOML "source-toml" "{0}"
    VERSION "source-version" "write `version = 1`"
    JOINED_AT "source-joined-at" "say where the source is: a path or an address"
    JOINED_NOWHERE "source-joined-nowhere" "the mapping joins this source; say where it is, under [joined.{0}] or with `--join {0}=PATH`"
    TABLE_OR_QUERY "source-table-or-query" "write `table` or `query`, not both"
    WHAT_TO_READ "source-what-to-read" "say what to read: `table = \"SCHEMA.TABLE\"` or `query = \"SELECT ...\"`"
    ONE_SELECT "source-one-select" "write one SELECT without `;`"
    PASSWORD_IN_ADDRESS "source-password-in-address" "an address must not hold a password; write it to a file only you can read, and name that as `password_file`"
    NO_SHEET "source-no-sheet" "{0} has no such sheet; it has {1}"
    NO_OUTLINES "source-no-outlines" "the mapping tells homes by coordinates; name the file of outlines, with `--areas FILE` for `init`"
    NO_GAZETTEER "source-no-gazetteer" "the mapping tells homes by addresses; name the list of civic numbers, with `--gazetteer FILE` for `init`, or leave [home] out of the mapping and write `finest_level = \"city\"`"

    // Files that are refused.
    PARTS "refused-parts" "it has more parts than a spreadsheet has; save only the sheet with the register, or export CSV"
    UNPACKED "refused-unpacked" "unpacked, it is far larger than a register; save only the sheet with the register, or export CSV"
    ROW_GROUP "refused-row-group" "a column of a row group is larger than 1 GiB; export it in smaller row groups"
    DOCUMENT_TYPE "refused-document-type" "a SIUSS flow has no document type; its entities could fill the memory"
    OLD_OR_LOCKED "refused-old-or-locked" "it is an Excel file of before 2007, or one that a password protects; open it, save it as .xlsx without a password, and give that"
    OPEN_DOCUMENT "refused-open-document" "it is an OpenDocument file of LibreOffice, whatever its name; open it, save it as .xlsx (Excel 2007-365) or CSV, and give that"
    PACKED "refused-packed" "it is packed; unpack it, and give the file in it"
    ARCHIVE "refused-archive" "it is an archive without a spreadsheet in it; unpack it, and give the file in it"
    DOCUMENT "refused-document" "it is a document to read, not a table; export the register as CSV or .xlsx from the program that keeps it"
    ACCESS "refused-access" "it is an Access database; export the table with the register as .xlsx or CSV from Access"
    WEB_PAGE "refused-web-page" "it is a web page or an XML spreadsheet, whatever its name; open it in a spreadsheet program, save it as .xlsx, and give that"
    LOCK_FILE "refused-lock-file" "it is the mark that a spreadsheet program leaves beside a file that is open; give the file itself, whose name is without the beginning"
    HMIS_COLUMN "refused-hmis-column" "it has no column `{0}`, which a HMIS folder has; export the folder again"
    NO_TEXT "refused-no-text" "it is no text; export the register as CSV or .xlsx"

    // Databases, without the driver's words.
    NO_REPLY "database-no-reply" "does not answer at this address; check host and port"
    UNTRUSTED "database-untrusted" "its certificate is of another authority, for another name or out of date; name the certificate of its authority with `--ca-file FILE` (`ca_file` in sources.toml), and the server as the certificate does"
    NO_TLS "database-no-tls" "no TLS connection: name the certificate of its authority as `ca_file` in sources.toml"
    BAD_ADDRESS "database-bad-address" "the address is not well formed; write postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE"
    BAD_USER "database-bad-user" "refuses the user or the password, or wants TLS even on this machine; name a file with the password with `--password-file FILE`, and for TLS the certificate of its authority with `--ca-file FILE` (`password_file` and `ca_file` in sources.toml)"
    NO_DATABASE "database-no-database" "has no such database, or the query is not SQL it understands"
    NO_TABLE "database-no-table" "has no such table; see `table` or `query` in sources.toml"
    NO_COLUMN "database-no-column" "has no such column; see `query` in sources.toml"
    NO_GRANT "database-no-grant" "does not let this user read; grant SELECT on what is read"
    WRITES "database-writes" "the query writes; only reading is allowed"
    REFUSES "database-refuses" "refuses with SQL state {0}"
    BROKE_OFF "database-broke-off" "the connection broke off; try again"
    NO_RUNTIME "database-no-runtime" "no runtime for the connection; restart the program"
    NO_COLUMNS "database-no-columns" "the query gives no columns; name a table, or write a SELECT"
    NOT_SQL "database-not-sql" "the query is not SQL it understands, or names a table or column that is not there"
    EMPTY "database-empty" "has no table"
    SEVERAL_TABLES "database-several-tables" "has several tables ({0}); name one with `--table NAME`, or a query with `--query \"SELECT ...\"`"
}
