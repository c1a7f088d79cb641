//! What can be wrong with an offer, each with the remedy. Offers are public: what a cell holds may be shown.

use sentence::sentences;

sentences! { OFFER_SENTENCES:
    // A file as a whole.
    NO_KIND "offer-no-kind" "has the columns of no known kind; expected are `site` and `name` (plain), `nome_servizio` and `tipo_luogo` (QuBi), or a folder of HSDS tables"
    NO_TABLE "offer-no-table" "holds no table of HSDS; expected are files such as services.csv, locations.csv, service_at_location.csv"
    NO_COLUMN "offer-no-column" "has no column {0}; its first row must name {1}"
    STRANGE_COLUMN "offer-strange-column" "the column `{0}` is not known; known are {1}"
    TWO_COLUMNS "offer-two-columns" "has two columns `{0}`; rename one of them"
    EMPTY "offer-empty" "is empty; its first row must name the columns"
    NOT_UTF8 "offer-not-utf8" "row {0} is not UTF-8; save the file with the encoding UTF-8"
    NOT_JSON "offer-not-json" "line {0}, column {1}: is not JSON; {2}"
    NO_OBJECT "offer-no-object" "holds neither an object nor a list; expected is an answer of an HSDS API or its tabular form"
    NO_SPREADSHEET "offer-no-spreadsheet" "is no spreadsheet that can be read; save it again as XLSX, or as CSV"
    UNPACKED "offer-unpacked" "is far larger than an offer once unpacked; save only the sheet with the offer"

    // A row or a cell.
    WIDTH "offer-width" "has {0} cells, the first row has {1}; correct the row or quote cells that hold the separator"
    QUOTES "offer-quotes" "cannot be read; check its quotes"
    BLANK "offer-blank" "is blank; every row needs it"
    NO_NUMBER "offer-no-number" "`{0}` is no whole number up to {1}; write one or leave it blank"
    AGES "offer-ages" "is below `minimum_age`; exchange them"
    NO_SERVICE "offer-no-service" "`{0}` is no service; known are {1}, and their SIUSS codes"
    NO_TARGET "offer-no-target" "`{0}` is no target of the list {1}; correct it or write it under `served`"
    DEGREES "offer-degrees" "`{0}` is not between -{1} and {1} degrees; the site has no position until it is corrected"
    NO_NIL "offer-no-nil" "`{0}` is no NIL of Milan; write its number, 1 to 88"
    NO_MUNICIPIO "offer-no-municipio" "`{0}` is no municipio; write a number from 1 to 9"
    TWO_LOCATIONS "offer-two-locations" "`{0}` stands twice; give each location its own"
    TWO_SERVICES "offer-two-services" "`{0}` stands twice; give each service its own"
    ADDRESS_NOWHERE "offer-address-nowhere" "`{0}` is no location of this offer; the address is left aside"
    NO_LOCATION "offer-no-location" "`{0}` is no location of this offer; add it or remove the row"
    SERVICE_NOWHERE "offer-service-nowhere" "`{0}` is no service of this offer; add it or remove the row"

    // What keeps an offer from being published.
    SITES "offer-sites" "sites"
    SERVICES "offer-services" "services"
    SITE "offer-site" "site `{0}`"
    SERVICE "offer-service" "service `{0}`"
    TOO_MANY "offer-too-many" "{0}, more than the {1} of one organisation"
    SITE_TWICE "offer-site-twice" "stands twice; give each site an id of its own"
    SERVICE_TWICE "offer-service-twice" "stands twice; give each service an id of its own"
    AT_NO_SITE "offer-at-no-site" "is at the site `{0}`, which the offer does not hold"
    STRANGE_SERVICE "offer-strange-service" "`{0}` is no service of the taxonomy in use"
    STRANGE_TARGET "offer-strange-target" "`{0}` is no target of the taxonomy in use"
    TOO_LONG "offer-too-long" "a text has more than {0} characters; shorten it"
    CONTROL "offer-control" "a text holds control characters; remove them"
    MAILBOX "offer-mailbox" "a text holds what looks like a mailbox; offers hold no persons: name the service's page instead"
    PERSON "offer-person" "a text holds what looks like a codice fiscale; offers hold no persons: remove it"
}
