-- One text for SQLite and PostgreSQL: times are milliseconds since 1970 in BIGINT, bodies are JSON in TEXT.

CREATE TABLE incidents (
    id          TEXT   PRIMARY KEY,
    cluster_id  TEXT   NOT NULL,
    owner_kind  TEXT   NOT NULL,
    namespace   TEXT   NOT NULL,
    owner_name  TEXT   NOT NULL,
    parent      TEXT,
    status      TEXT   NOT NULL,
    severity    TEXT   NOT NULL,
    opened_ms   BIGINT NOT NULL,
    updated_ms  BIGINT NOT NULL,
    resolved_ms BIGINT,
    version     BIGINT NOT NULL,
    fence       BIGINT NOT NULL,
    body        TEXT   NOT NULL
);
-- One open incident per cluster and top owner, whoever writes.
CREATE UNIQUE INDEX incidents_open ON incidents (cluster_id, owner_kind, namespace, owner_name) WHERE status = 'open';
CREATE INDEX incidents_owner ON incidents (cluster_id, owner_kind, namespace, owner_name, resolved_ms);
CREATE INDEX incidents_recent ON incidents (cluster_id, updated_ms);

-- Numbers that only grow: of incidents per day, of rows.
CREATE TABLE counters (
    name TEXT   PRIMARY KEY,
    n    BIGINT NOT NULL
);

-- The root message of an incident in a channel, by Slack's id of the channel.
CREATE TABLE messages (
    incident_id TEXT NOT NULL REFERENCES incidents (id),
    channel     TEXT NOT NULL,
    ts          TEXT NOT NULL,
    PRIMARY KEY (incident_id, channel)
);
CREATE INDEX messages_ts ON messages (channel, ts);

-- What must be sent. `destination`: the channel as it is configured. `lane`: rows of one lane go one after the other.
-- `taken`: how often a sender was given the row without a word since; then its message may be on its way and is not changed.
-- `sent_ms`: when it was sent, or given up.
CREATE TABLE outbox (
    id          BIGINT PRIMARY KEY,
    cluster_id  TEXT,
    incident_id TEXT REFERENCES incidents (id),
    destination TEXT   NOT NULL,
    lane        TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    taken       BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    due_ms      BIGINT NOT NULL,
    error       TEXT,
    created_ms  BIGINT NOT NULL,
    sent_ms     BIGINT,
    ts          TEXT
);
CREATE INDEX outbox_unsent ON outbox (lane, id) WHERE state IN ('pending', 'unknown');
CREATE INDEX outbox_incident ON outbox (incident_id, destination);
CREATE INDEX outbox_state ON outbox (state, created_ms);

-- What came from Slack, before it is acknowledged.
CREATE TABLE inbox (
    id          BIGINT PRIMARY KEY,
    unique_id   TEXT   NOT NULL UNIQUE,
    kind        TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    received_ms BIGINT NOT NULL,
    done_ms     BIGINT,
    error       TEXT
);
CREATE INDEX inbox_open ON inbox (id) WHERE done_ms IS NULL;

-- Who may do what only one may do, by the database's clock.
CREATE TABLE leases (
    name       TEXT   PRIMARY KEY,
    holder     TEXT   NOT NULL,
    fence      BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

CREATE TABLE cycles (
    id             BIGINT PRIMARY KEY,
    cluster_id     TEXT   NOT NULL,
    started_ms     BIGINT NOT NULL,
    finished_ms    BIGINT NOT NULL,
    status         TEXT   NOT NULL,
    findings       BIGINT NOT NULL,
    alerts         BIGINT NOT NULL,
    incidents_open BIGINT NOT NULL,
    error          TEXT
);
CREATE INDEX cycles_last ON cycles (cluster_id, id);

-- The last transitions of each owner.
CREATE TABLE transitions (
    id         BIGINT PRIMARY KEY,
    cluster_id TEXT   NOT NULL,
    owner_kind TEXT   NOT NULL,
    namespace  TEXT   NOT NULL,
    owner_name TEXT   NOT NULL,
    at_ms      BIGINT NOT NULL,
    body       TEXT   NOT NULL
);
CREATE INDEX transitions_owner ON transitions (cluster_id, owner_kind, namespace, owner_name, id);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
