-- What somebody wants to hear nothing of for a time. `ended_ms`: when somebody ended it before its time.
CREATE TABLE silences (
    id         BIGINT PRIMARY KEY,
    cluster_id TEXT   NOT NULL,
    until_ms   BIGINT NOT NULL,
    ended_ms   BIGINT,
    body       TEXT   NOT NULL
);
CREATE INDEX silences_active ON silences (cluster_id, until_ms) WHERE ended_ms IS NULL;
