-- Where several clusters are watched by several processes: whose what came from Slack is. Empty: that was not decided yet, or it is of no single one.
ALTER TABLE inbox ADD COLUMN cluster TEXT NOT NULL DEFAULT '';
