-- Forecasts by the hash of their input, so that each is worked out once; those that were being worked out when the
-- coordinator stopped begin again.
CREATE TABLE forecasts (
    id       TEXT    PRIMARY KEY NOT NULL,
    cube     TEXT    NOT NULL REFERENCES cubes (id),
    input    TEXT    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'cancelled', 'failed')),
    done     INTEGER NOT NULL CHECK (done >= 0),
    series   INTEGER NOT NULL CHECK (series > 0),
    failure  TEXT,
    result   TEXT,
    asked_by INTEGER NOT NULL REFERENCES accounts (id),
    asked_at INTEGER NOT NULL
) STRICT;

CREATE INDEX forecasts_by_time ON forecasts (asked_at);

-- What people assume of the future, kept apart from the forecast it is applied to. Append-only.
CREATE TABLE forecast_adjustments (
    id          TEXT    PRIMARY KEY NOT NULL,
    forecast    TEXT    NOT NULL REFERENCES forecasts (id),
    adjustments TEXT    NOT NULL,
    made_by     INTEGER NOT NULL REFERENCES accounts (id),
    made_at     INTEGER NOT NULL
) STRICT;

CREATE TRIGGER forecast_adjustments_update BEFORE UPDATE ON forecast_adjustments BEGIN SELECT RAISE(ABORT, 'forecast_adjustments is append-only'); END;
CREATE TRIGGER forecast_adjustments_delete BEFORE DELETE ON forecast_adjustments BEGIN SELECT RAISE(ABORT, 'forecast_adjustments is append-only'); END;
