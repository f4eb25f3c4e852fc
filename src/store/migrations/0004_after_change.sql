-- Whether a change that may explain an incident came just before it: 1, else 0.
ALTER TABLE incidents ADD COLUMN after_change BIGINT NOT NULL DEFAULT 0;
