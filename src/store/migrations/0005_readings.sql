-- What was last read of an object beside the workloads, to compare it with what is read next: of a ConfigMap a hash for each key, no value.
CREATE TABLE readings (
    cluster_id TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    namespace  TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    version    TEXT   NOT NULL,
    read_ms    BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    PRIMARY KEY (cluster_id, kind, namespace, name)
);

-- What was found to be different.
CREATE TABLE setting_changes (
    id         BIGINT PRIMARY KEY,
    cluster_id TEXT   NOT NULL,
    at_ms      BIGINT NOT NULL,
    body       TEXT   NOT NULL
);
CREATE INDEX setting_changes_last ON setting_changes (cluster_id, at_ms);
