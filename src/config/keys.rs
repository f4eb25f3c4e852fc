//! The list of keys, the variables that set them, and the variables of the prototype with what became of them.

/// One value of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its dotted path in the file.
    pub path: &'static str,
    /// The environment variable that sets it.
    pub variable: Option<&'static str>,
    /// Never printed; may also come from a file (`<VARIABLE>_FILE`, `<key>_file`).
    pub secret: bool,
}

const fn key(path: &'static str, variable: &'static str) -> Key {
    Key { path, variable: Some(variable), secret: false }
}

const fn secret(path: &'static str, variable: &'static str) -> Key {
    Key { path, variable: Some(variable), secret: true }
}

const fn in_file_only(path: &'static str) -> Key {
    Key { path, variable: None, secret: false }
}

/// Every key, in the order of `default.toml`.
pub const KEYS: [Key; 87] = [
    key("clusters", "CLUSTERS"),
    key("cluster.name", "CLUSTER_NAME"),
    key("cluster.kubeconfig", "KUBECONFIG"),
    key("cluster.context", "K3S_CONTEXT"),
    key("cluster.namespaces", "CLUSTER_NAMESPACES"),
    key("monitoring.detection", "DETECTION"),
    key("monitoring.interval_minutes", "MONITORING_INTERVAL_MINUTES"),
    key("monitoring.schedule", "MONITORING_SCHEDULE"),
    key("monitoring.timezone", "MONITORING_TIMEZONE"),
    key("alerts.first_post_wait", "FIRST_POST_WAIT"),
    key("alerts.storm_from", "STORM_FROM"),
    key("alerts.reminder_after", "REMINDER_AFTER"),
    key("alerts.business_hours", "BUSINESS_HOURS"),
    key("alerts.rollout_notes", "ROLLOUT_NOTES"),
    key("slack.enabled", "SLACK_ENABLED"),
    secret("slack.bot_token", "SLACK_BOT_TOKEN"),
    secret("slack.app_token", "SLACK_APP_TOKEN"),
    key("slack.channel", "SLACK_CHANNEL"),
    in_file_only("slack.channel_sev1"),
    in_file_only("slack.channel_sev2"),
    in_file_only("slack.channel_sev3"),
    key("slack.api_url", "SLACK_API_URL"),
    in_file_only("escalation.steps"),
    secret("escalation.webhook_url", "ESCALATION_WEBHOOK_URL"),
    secret("escalation.pagerduty_key", "PAGERDUTY_ROUTING_KEY"),
    key("escalation.pagerduty_url", "PAGERDUTY_URL"),
    secret("github.token", "GITHUB_TOKEN"),
    key("github.app_id", "GITHUB_APP_ID"),
    key("github.app_installation_id", "GITHUB_APP_INSTALLATION_ID"),
    secret("github.app_private_key", "GITHUB_APP_PRIVATE_KEY"),
    key("github.repository", "GITHUB_REPO_NAME"),
    key("github.owner", "GITHUB_REPO_OWNER"),
    key("github.paths", "GITHUB_PATHS"),
    key("github.api_url", "GITHUB_API_URL"),
    secret("anthropic.api_key", "ANTHROPIC_API_KEY"),
    key("anthropic.base_url", "ANTHROPIC_BASE_URL"),
    in_file_only("priorities.P0"),
    in_file_only("priorities.P1"),
    in_file_only("priorities.P2"),
    in_file_only("priorities.P3"),
    key("services.file", "SERVICES_FILE"),
    in_file_only("severity.max_downtime"),
    in_file_only("severity.recurs_from"),
    in_file_only("severity.blind"),
    in_file_only("severity.partly_blind"),
    in_file_only("severity.only_node_down"),
    in_file_only("severity.control_plane_node_down"),
    in_file_only("severity.worker_node_down"),
    in_file_only("severity.registry_down"),
    in_file_only("severity.essential_unserved"),
    in_file_only("severity.control_plane"),
    in_file_only("severity.unserved"),
    in_file_only("severity.unserved_too_long"),
    in_file_only("severity.first_rollout"),
    in_file_only("severity.p0_at_once"),
    in_file_only("severity.volume_full"),
    in_file_only("severity.near_limit"),
    in_file_only("severity.bad_rollout"),
    in_file_only("severity.no_endpoints"),
    in_file_only("severity.degraded"),
    in_file_only("severity.job_failed"),
    in_file_only("severity.cron_stopped"),
    in_file_only("severity.webhook_down"),
    in_file_only("severity.api_down"),
    in_file_only("severity.metrics_down"),
    in_file_only("severity.certificate_expired"),
    in_file_only("severity.certificate_expires"),
    in_file_only("severity.certificate_not_renewed"),
    in_file_only("severity.ingress_broken"),
    in_file_only("severity.scaling_broken"),
    in_file_only("severity.volume_failed"),
    in_file_only("severity.stuck_terminating"),
    in_file_only("severity.essential_node_short"),
    in_file_only("severity.node_short_and_hit"),
    in_file_only("severity.node_short"),
    in_file_only("severity.known_issue"),
    in_file_only("ignore.namespaces"),
    in_file_only("ignore.owners"),
    in_file_only("only.namespaces"),
    in_file_only("only.owners"),
    secret("store.database_url", "DATABASE_URL"),
    in_file_only("store.keep_incidents_days"),
    in_file_only("store.keep_passes_days"),
    key("http.listen", "HTTP_LISTEN"),
    key("log.level", "LOG_LEVEL"),
    key("log.format", "LOG_FORMAT"),
    key("log.dir", "LOG_DIR"),
];

/// Keys of which the empty value is a wish of its own, not "as by default".
pub(super) const EMPTY_HAS_A_MEANING: [&str; 1] = ["http.listen"];

/// The variable that names the file.
pub(super) const FILE_VARIABLE: &str = "K8S_MONITOR_CONFIG";

/// The prototype's interval in hours, which it documented and never read: honoured.
pub(super) const HOURS: &str = "MONITORING_INTERVAL_HOURS";

const MODEL: &str = "alerts and answers are made without a model";
const SESSION: &str = "what the bot remembers is in the database (DATABASE_URL)";
const MCP: &str = "no MCP server is needed";

/// Variables of the prototype that nothing reads any more, each with what to do in place of it.
pub(super) const GONE: [(&str, &str); 13] = [
    ("ORCHESTRATOR_MODEL", MODEL),
    ("K8S_ANALYZER_MODEL", MODEL),
    ("ESCALATION_MANAGER_MODEL", MODEL),
    ("SLACK_NOTIFIER_MODEL", MODEL),
    ("GITHUB_REVIEWER_MODEL", MODEL),
    ("ANTHROPIC_MODEL", MODEL),
    ("ENABLE_LONG_CONTEXT", SESSION),
    ("SESSION_ID", SESSION),
    ("SESSION_DIR", SESSION),
    ("MAX_CONTEXT_TOKENS", SESSION),
    ("CONTEXT_PRUNE_THRESHOLD", SESSION),
    ("GITHUB_MCP_PATH", MCP),
    ("SLACK_MCP_PATH", MCP),
];

/// The variable as it is documented, however its letters were written: the prototype did not tell large ones from small ones.
pub(super) fn canonical(written: &str) -> Option<String> {
    let upper = written.to_ascii_uppercase();
    let plain = upper.strip_suffix("_FILE").unwrap_or(&upper);
    let is_key = |k: &Key| k.variable == Some(upper.as_str()) || (k.secret && k.variable == Some(plain));
    let is_known = upper == HOURS || GONE.iter().any(|(gone, _)| *gone == upper) || KEYS.iter().any(is_key);
    is_known.then_some(upper)
}

/// The key with that path.
pub(super) fn by_path(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.path == path)
}

/// The key a person may have meant by `written` (a path or a variable).
pub(super) fn nearest_path(written: &str) -> Option<&'static str> {
    if let Some(key) = KEYS.iter().find(|k| k.variable.is_some_and(|v| v.eq_ignore_ascii_case(written))) {
        return Some(key.path);
    }
    let tail = |path: &str| path.rsplit('.').next().unwrap_or_default().to_lowercase();
    let likeness = |path: &str| {
        let whole = strsim::normalized_damerau_levenshtein(&written.to_lowercase(), &path.to_lowercase());
        let end = strsim::normalized_damerau_levenshtein(&tail(written), &tail(path)) * 0.95;
        whole.max(end)
    };
    let best = KEYS.iter().map(|k| (likeness(k.path), k.path)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.6).then_some(best.1)
}

/// The section a person may have meant by `written`.
pub(super) fn nearest_section(written: &str) -> Option<&'static str> {
    let sections = KEYS.iter().filter_map(|k| k.path.split_once('.')).map(|(section, _)| section).chain(["checks"]);
    let likeness = |s: &str| strsim::normalized_damerau_levenshtein(&written.to_lowercase(), s);
    let best = sections.map(|s| (likeness(s), s)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.6).then_some(best.1)
}

/// The variable a person may have meant by `written`: only a slip of the pen counts, since other programs have variables too.
pub(super) fn nearest_variable(written: &str) -> Option<&'static str> {
    if written.len() < 7 || KEYS.iter().any(|k| k.variable == Some(written)) {
        return None;
    }
    let variables = KEYS.iter().filter_map(|k| k.variable);
    let best = variables.map(|v| (strsim::damerau_levenshtein(written, v), v)).min()?;
    (1..=2).contains(&best.0).then_some(best.1)
}
