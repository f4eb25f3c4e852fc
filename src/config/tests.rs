//! Configurations as people write them, and what they are told.

use std::collections::BTreeMap;

use rstest::rstest;
use secrecy::ExposeSecret as _;

use super::*;
use crate::incidents::{Priority, Severity, severity::Row};

fn sources() -> Sources {
    Sources::default()
}

fn with_env(pairs: &[(&str, &str)]) -> Sources {
    Sources { env: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(), ..sources() }
}

fn with_file(text: &str) -> Sources {
    Sources { file: Some(Text { path: "k8s-monitor.toml".to_owned(), text: text.to_owned() }), ..sources() }
}

fn problems(sources: &Sources) -> Vec<String> {
    Config::load(sources).map_or_else(|e| e.problems.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

fn warnings(sources: &Sources) -> Vec<String> {
    Config::load(sources).unwrap().1.iter().map(ToString::to_string).collect()
}

#[test]
fn without_any_setting_the_defaults_are_in_force() {
    let (config, warnings) = Config::load(&sources()).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.schedule, Schedule::Every { minutes: 1 });
    assert_eq!(config.database_url.expose_secret(), "sqlite:k8s-monitor.db");
    assert_eq!(config.slack.api_url, "https://slack.com/api");
    assert_eq!(config.http_listen.unwrap().to_string(), "127.0.0.1:8080");
    assert!(config.priorities.is_empty());
    assert!(config.slack.bot_token.is_none());
}

#[test]
fn every_key_has_a_default_and_every_default_is_a_key() {
    let all = gather(&sources());
    assert_eq!(all.problems, []);
    let written: Vec<&str> = all.found.keys().copied().collect();
    let mut known: Vec<&str> = keys::KEYS.iter().map(|k| k.path).collect();
    known.sort_unstable();
    assert_eq!(written, known);
}

#[test]
fn flags_go_before_the_environment_before_dotenv_before_the_file() {
    let mut all =
        with_file("[cluster]\nname = 'file'\ncontext = 'file'\nkubeconfig = 'file'\n[log]\nlevel = 'debug'\n");
    let dotenv = "CLUSTER_NAME=dotenv\nexport K3S_CONTEXT='dotenv'\nKUBECONFIG=dotenv\n";
    all.dotenv = Some(Text { path: ".env".to_owned(), text: dotenv.to_owned() });
    all.env = BTreeMap::from([("CLUSTER_NAME".into(), "env".into()), ("KUBECONFIG".into(), "env".into())]);
    all.flags.insert("cluster.name", ("--name".into(), "flag".into()));
    let (config, _) = Config::load(&all).unwrap();
    let rows: Vec<String> = config.table.iter().map(|r| format!("{} = {} ({})", r.key, r.value, r.place)).collect();
    assert_eq!(rows[1], "cluster.name = flag (--name)");
    assert_eq!(rows[2], "cluster.kubeconfig = env (environment KUBECONFIG)");
    assert_eq!(rows[3], "cluster.context = dotenv (.env:2)");
    assert!(rows.contains(&"log.level = debug (k8s-monitor.toml:6)".to_owned()), "{rows:?}");
    assert!(rows.contains(&"log.format = text (default)".to_owned()));
}

#[test]
fn all_mistakes_are_told_at_once_each_with_key_place_and_remedy() {
    let mut all = with_file(
        "[monitorin]\ninterval = 5\n[slack]\nbot_tokn = 'x'\nSLACK_CHANNEL = 'a'\n[log]\nlevel = 3\n[http]\nlisten = 'here'\n",
    );
    all.env = with_env(&[
        ("MONITORING_INTERVAL_MINUTES", "soon"),
        ("session_id", "old"),
        ("SLACK_BOT_TOKEN", "xapp-1-A-secret"),
        ("SLACK_APP_TOKEN", "xoxb-1-secret"),
        ("MONITORING_SCHEDULE", "0 25 * * *"),
        ("MONITORING_TIMEZONE", "Europe/Berlyn"),
        ("DATABASE_URL", "mysql://root:secret@db/x"),
        ("SLACK_CHANNEL", "#Alerts"),
    ])
    .env;
    let told = Config::load(&all).unwrap_err().to_string();
    insta::assert_snapshot!(told, @r#"
    12 problems in the configuration
      monitorin (k8s-monitor.toml:1): is not a section of k8s-monitor; did you mean [monitoring]?
      slack.bot_tokn (k8s-monitor.toml:4): is not a key of k8s-monitor; did you mean slack.bot_token?
      slack.SLACK_CHANNEL (k8s-monitor.toml:5): is not a key of k8s-monitor; did you mean slack.channel?
      monitoring.timezone (environment MONITORING_TIMEZONE): "Europe/Berlyn" is not a time zone; write a name of the IANA database: Europe/Berlin, America/New_York, UTC
      monitoring.interval_minutes (environment MONITORING_INTERVAL_MINUTES): is not a whole number; write one from 1 to 1440
      monitoring.schedule (environment MONITORING_SCHEDULE): "0 25 * * *" is not a cron line; its hour "25" cannot be read; hour is 0-23: 8-18
      slack.bot_token (environment SLACK_BOT_TOKEN): is an app-level token (xapp-); the two tokens are swapped: SLACK_BOT_TOKEN is xoxb-..., SLACK_APP_TOKEN is xapp-...
      slack.app_token (environment SLACK_APP_TOKEN): is a bot token (xoxb-); the two tokens are swapped: SLACK_BOT_TOKEN is xoxb-..., SLACK_APP_TOKEN is xapp-...
      slack.channel (environment SLACK_CHANNEL): "Alerts" is not a channel; write its name in lower case (alerts) or its id (C0123456789)
      store.database_url (environment DATABASE_URL): names no database that is supported; write sqlite:FILE, or postgres://user:password@host/database
      http.listen (k8s-monitor.toml:9): "here" is not an address to listen on; write 127.0.0.1:8080 or 0.0.0.0:8080
      log.level (k8s-monitor.toml:7): is not text; write it in quotes
    warning: session_id (environment session_id): is read as SESSION_ID; write it in capitals
    warning: SESSION_ID (environment session_id): is not used any more; what the bot remembers is in the database (DATABASE_URL)
    warning: monitoring.interval_minutes (environment MONITORING_INTERVAL_MINUTES): is ignored because monitoring.schedule is set; remove one of them
    "#);
    assert!(!told.contains("secret"));
}

fn for_purpose(purpose: Purpose, pairs: &[(&str, &str)]) -> Sources {
    Sources { purpose, ..with_env(pairs) }
}

#[test]
fn half_of_slack_is_a_mistake_of_the_bot() {
    insta::assert_snapshot!(problems(&for_purpose(Purpose::Run, &[("SLACK_CHANNEL", "alerts")])).join("\n"), @"slack.bot_token: is missing; set SLACK_BOT_TOKEN: the Bot User OAuth Token of your Slack app, xoxb-...");
    insta::assert_snapshot!(problems(&for_purpose(Purpose::Run, &[("SLACK_BOT_TOKEN", "xoxb-123456")])).join("\n"), @"slack.channel: is missing; set SLACK_CHANNEL to the id or name of a channel the bot is a member of");
    for purpose in [Purpose::Show, Purpose::Look] {
        assert_eq!(problems(&for_purpose(purpose, &[("SLACK_CHANNEL", "alerts")])), [""; 0]);
    }
}

#[test]
fn without_slack_the_bot_prints_and_says_so_unless_that_is_meant() {
    insta::assert_snapshot!(warnings(&for_purpose(Purpose::Run, &[])).join("\n"), @"slack.bot_token: is not set, so alerts are printed and nothing is posted; set SLACK_BOT_TOKEN, SLACK_APP_TOKEN and SLACK_CHANNEL, or SLACK_ENABLED=false if that is meant");
    assert_eq!(warnings(&for_purpose(Purpose::Run, &[("SLACK_ENABLED", "false")])), [""; 0]);
}

#[test]
fn the_settings_of_the_prototype_go_on_posting_and_a_sample_needs_no_more() {
    let prototype = [("SLACK_BOT_TOKEN", "xoxb-123456"), ("SLACK_CHANNEL", "alerts")];
    insta::assert_snapshot!(warnings(&for_purpose(Purpose::Run, &prototype)).join("\n"), @"slack.app_token: is not set, so alerts are posted, but commands, buttons and threads do not work; set SLACK_APP_TOKEN: an app-level token with connections:write, xapp-...");
    assert_eq!(warnings(&for_purpose(Purpose::Post, &prototype)), [""; 0]);
}

#[test]
fn one_look_is_not_refused_over_what_it_does_not_use() {
    let bad = [("SLACK_BOT_TOKEN", "mine"), ("DATABASE_URL", "mysql://x"), ("MONITORING_SCHEDULE", "now")];
    assert_eq!(problems(&for_purpose(Purpose::Show, &bad)).len(), 3);
    assert_eq!(warnings(&for_purpose(Purpose::Look, &bad)).len(), 3);
    let mut needed = for_purpose(Purpose::Look, &bad);
    needed.file = with_file("[priorities]\nP0 = ['Shop']\n").file;
    let errors = Config::load(&needed).unwrap_err();
    assert_eq!((errors.problems.len(), errors.warnings.len()), (1, 3));
}

#[rstest]
#[case::in_the_file("[http]\nlisten = ''", &[], None)]
#[case::in_the_environment("", &[("HTTP_LISTEN", "off")], None)]
#[case::an_empty_variable_is_not_set("", &[("HTTP_LISTEN", "")], Some("127.0.0.1:8080"))]
#[case::the_environment_goes_first("[http]\nlisten = ''", &[("HTTP_LISTEN", ":9000")], Some("0.0.0.0:9000"))]
fn there_is_no_server_where_none_is_wanted(
    #[case] file: &str,
    #[case] env: &[(&str, &str)],
    #[case] expected: Option<&str>,
) {
    let all = Sources { env: with_env(env).env, ..with_file(file) };
    let (config, warnings) = Config::load(&all).unwrap();
    assert_eq!(config.http_listen.map(|at| at.to_string()).as_deref(), expected);
    assert_eq!(warnings, []);
}

#[test]
fn every_key_that_explains_its_empty_value_gives_it_that_meaning() {
    for (at, line) in gather::DEFAULTS.lines().enumerate().filter(|(_, line)| line.contains("Empty or")) {
        let key = gather::DEFAULTS.lines().nth(at + 1).and_then(|l| l.split_once(" = ")).unwrap().0;
        assert!(keys::EMPTY_HAS_A_MEANING.iter().any(|path| path.ends_with(&format!(".{key}"))), "{line}");
    }
}

#[rstest]
#[case("[log]\nlevl = 'info'", "log.levl (k8s-monitor.toml:2): is not a key of k8s-monitor; did you mean log.level?")]
#[case(
    "[log]\nclusters = ['home']",
    "log.clusters (k8s-monitor.toml:2): is not a key of k8s-monitor; did you mean clusters? It stands above the first [section]"
)]
#[case("clusters = ['a', 'x=a']", "clusters (k8s-monitor.toml:1): \"x=a\" is there twice; take one of them out")]
#[case(
    "clusters = ['a', 'a=b']",
    "clusters (k8s-monitor.toml:1): two are called \"a\"; give each a name of its own: \"home=default\", \"edge=/etc/edge.yaml\""
)]
#[case("log_level = 'info'", "log_level (k8s-monitor.toml:1): is not a key of k8s-monitor; did you mean log.level?")]
#[case("[logs]\nlevel = 'info'", "logs (k8s-monitor.toml:1): is not a section of k8s-monitor; did you mean [log]?")]
#[case(
    "[zebra]\nx = 1",
    "zebra (k8s-monitor.toml:1): is not a section of k8s-monitor; remove it; `k8s-monitor config` lists every key"
)]
#[case(
    "[log]\nlevel = 1.5",
    "log.level (k8s-monitor.toml:2): has a value of the wrong type; write text, a number, true or false, or a list of texts"
)]
#[case(
    "[priorities]\nP0 = ['shop/api']\nP1 = ['shop/api']",
    "priorities.P1 (k8s-monitor.toml:3): \"shop/api\": it is already listed under P0; keep one of the two lines"
)]
#[case(
    "[slack]\nbot_token = 'xoxb-123456'\nbot_token_file = '/t'",
    "slack.bot_token (k8s-monitor.toml:3): is written both as a value and as a file; remove one of them"
)]
fn a_mistake_in_the_file_is_told_with_its_line(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(problems(&with_file(text)), [expected]);
}

#[test]
fn broken_toml_is_told_with_its_lines() {
    let told = problems(&with_file("[log]\nlevel = \n"));
    assert!(told[0].starts_with("k8s-monitor.toml (k8s-monitor.toml:2): "), "{told:?}");
}

#[test]
fn a_secret_may_come_from_a_file_and_is_never_shown() {
    let mut all = with_env(&[("SLACK_BOT_TOKEN_FILE", "/run/secrets/bot"), ("DATABASE_URL", "postgres://me:pw@db/x")]);
    all.named_files.insert("/run/secrets/bot".into(), Ok("xoxb-123-456\n".into()));
    let (config, _) = Config::load(&all).unwrap();
    assert_eq!(config.slack.bot_token.as_ref().unwrap().expose_secret(), "xoxb-123-456");
    let table = config.explain();
    assert!(table.contains("file /run/secrets/bot (environment SLACK_BOT_TOKEN_FILE)"), "{table}");
    assert!(!table.contains("xoxb-") && !table.contains("pw"), "{table}");
    assert!(!format!("{config:?}").contains("xoxb-"));
}

#[rstest]
#[case(None, "there is no such file")]
#[case(Some(Ok("\n")), "is empty")]
#[case(Some(Err("permission denied")), "cannot be read: permission denied")]
fn a_secret_file_without_a_secret_is_a_mistake(#[case] content: Option<Result<&str, &str>>, #[case] expected: &str) {
    let mut all = with_env(&[("GITHUB_TOKEN_FILE", "/t")]);
    if let Some(content) = content {
        all.named_files.insert("/t".into(), content.map(str::to_owned).map_err(str::to_owned));
    }
    let told = problems(&all);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(expected), "{told:?}");
}

#[test]
fn a_variable_and_its_file_together_are_a_mistake() {
    let told = problems(&with_env(&[("GITHUB_TOKEN", "x"), ("GITHUB_TOKEN_FILE", "/t")]));
    assert_eq!(
        told,
        [
            "github.token (environment GITHUB_TOKEN_FILE): GITHUB_TOKEN and GITHUB_TOKEN_FILE are both set; remove one of them"
        ]
    );
}

#[test]
fn an_empty_variable_is_not_set() {
    let mut all = with_env(&[("CLUSTER_NAME", ""), ("SLACK_APP_TOKEN", " ")]);
    all.dotenv = Some(Text { path: ".env".into(), text: "CLUSTER_NAME=home\n".into() });
    assert_eq!(Config::load(&all).unwrap().0.cluster.name.as_deref(), Some("home"));
}

#[test]
fn channels_are_ids_or_names_and_severities_may_have_their_own() {
    let mut all = with_file("[slack]\nchannel_sev1 = ['#critical']\n");
    all.env = with_env(&[("SLACK_CHANNEL", "alerts, #ops,C0123456789")]).env;
    let slack = Config::load(&all).unwrap().0.slack;
    assert_eq!(slack.channels, ["alerts", "ops", "C0123456789"]);
    assert_eq!(slack.channels_for(Severity::Sev1), ["critical"]);
    assert_eq!(slack.channels_for(Severity::Sev2).len(), 3);
    assert_eq!(slack.channels_for(Severity::Sev3).len(), 3);
    assert_eq!(slack.channels_for(Severity::Sev4), [""; 0]);
    assert_eq!(slack.all_channels(), ["alerts", "ops", "C0123456789", "critical"]);
}

#[rstest]
#[case("MON-FRI 09:00-17:00", "Monday Tuesday Wednesday Thursday Friday 09:00-17:00")]
#[case("mon,WED 8:30-12:00", "Monday Wednesday 08:30-12:00")]
#[case("FRI-MON 22:00-24:00", "Friday Saturday Sunday Monday 22:00-00:00")]
#[case("always", "Always")]
#[case("Never", "Never")]
fn business_hours_are_days_and_times(#[case] written: &str, #[case] expected: &str) {
    let (config, warnings) = Config::load(&with_env(&[("BUSINESS_HOURS", written)])).unwrap();
    assert_eq!(warnings, []);
    let shown = match config.hours {
        Hours::Business(hours) => {
            let days: Vec<String> = hours.days.iter().map(|day| format!("{day:?}")).collect();
            format!("{} {}-{}", days.join(" "), hours.from.strftime("%H:%M"), hours.to.strftime("%H:%M"))
        }
        other @ (Hours::Always | Hours::Never) => format!("{other:?}"),
    };
    assert_eq!(shown, expected);
}

#[rstest]
#[case("MON-FRI")]
#[case("MON-FRI 9-17")]
#[case("MON-XYZ 09:00-17:00")]
#[case("MON-FRI 09:00-25:00")]
fn what_are_no_business_hours_is_told(#[case] written: &str) {
    let problems = problems(&with_env(&[("BUSINESS_HOURS", written)]));
    let expected = format!(
        "alerts.business_hours (environment BUSINESS_HOURS): {written:?} are no business hours; write days and times, \"MON-FRI 09:00-17:00\" or \"MON,WED 8:30-12:00\"; or \"always\" or \"never\""
    );
    assert_eq!(problems, [expected]);
}

#[test]
fn the_table_of_severities_is_set_row_by_row() {
    let text = "[severity]\nmax_downtime = '20m'\nrecurs_from = 0\ndegraded = ['SEV-2', 'sev2', '3', 'SEV 4', 'SEV-3']\njob_failed = 'SEV-3'\n";
    let (config, warnings) = Config::load(&with_file(text)).unwrap();
    assert_eq!(warnings, []);
    let row = |row| config.policy.row(row).map(Severity::name).join(" ");
    assert_eq!(row(Row::Degraded), "SEV-2 SEV-2 SEV-3 SEV-4 SEV-3");
    assert_eq!(row(Row::JobFailed), "SEV-3 SEV-3 SEV-3 SEV-3 SEV-3");
    assert_eq!(row(Row::Unserved), "SEV-1 SEV-3 SEV-3 SEV-4 SEV-2");
    assert_eq!((config.policy.max_downtime.as_mins(), config.policy.recurs_from), (20, 0));
    // What is written as the default is the default.
    assert_eq!(Config::load(&with_file("")).unwrap().0.policy, crate::incidents::Policy::default());
}

#[test]
fn a_row_that_is_no_row_is_told_with_how_to_mend_it() {
    let text = "[severity]\nmax_downtime = 'long'\ndegraded = ['SEV-2', 'SEV-9']\njob_failed = ['SEV-3', 'SEV-3']\nunservd = 'SEV-1'\ncron_stopped = 3\n";
    insta::assert_snapshot!(problems(&with_file(text)).join("\n"), @r#"
    severity.unservd (k8s-monitor.toml:5): is not a key of k8s-monitor; did you mean severity.unserved?
    severity.degraded (k8s-monitor.toml:3): "SEV-9" is no severity; write one severity for all, or five: for P0, P1, P2, P3 and what is not listed; each "SEV-1" to "SEV-4"
    severity.job_failed (k8s-monitor.toml:4): has 2 severities, not 5; write one severity for all, or five: for P0, P1, P2, P3 and what is not listed; each "SEV-1" to "SEV-4"
    severity.cron_stopped (k8s-monitor.toml:6): is not a list; write ["one", "two"]
    severity.max_downtime (k8s-monitor.toml:2): is no time; write for example "90s", "5m", "12h"
    "#);
    let text = "[severity]\nmax_downtime = '5s'\n";
    assert_eq!(
        warnings(&with_file(text)),
        ["severity.max_downtime (k8s-monitor.toml:2): 5 s counts as 1 min; write a time from 1 min to 7 days"]
    );
}

#[test]
fn who_is_called_is_read_in_the_order_of_the_times() {
    let text = "[escalation]\nsteps = ['1h webhook', '15m mention <!subteam^S0123456789>', '10m mention owner', '30m SEV-1 pagerduty', '0m channel #oncall']\nwebhook_url = 'https://example.com/hook?token=1'\npagerduty_key = '0123456789abcdefghijklmnopqrstUV'\n";
    let (config, warnings) = Config::load(&with_file(text)).unwrap();
    assert_eq!(warnings, []);
    let steps: Vec<String> = config.escalation.iter().map(ToString::to_string).collect();
    let expected = [
        "0 s channel oncall",
        "10 min mention owner",
        "15 min mention S0123456789",
        "30 min SEV-1 pagerduty",
        "1 h webhook",
    ];
    assert_eq!(steps, expected);
    // Slack is asked where that channel is.
    assert_eq!(config.slack.all_channels(), ["oncall"]);
    assert!(!config.explain().contains("token=1"), "{}", config.explain());
}

#[test]
fn a_key_that_pagerduty_cannot_know_is_warned_of_and_not_told() {
    let with = |key: &str| warnings(&with_file(&format!("[escalation]\npagerduty_key = '{key}'\n")));
    insta::assert_snapshot!(with("s3cret-key").join("\n"), @"escalation.pagerduty_key (k8s-monitor.toml:2): has 10 characters; an integration key of PagerDuty has 32 letters and digits, and one that is refused pages nobody; copy the Integration Key of an Events API v2 integration of the service in PagerDuty");
    assert_eq!(with("0123456789abcdef-123456789abcdef").len(), 1);
    assert_eq!(with("0123456789abcdef0123456789ABCDEF"), Vec::<String>::new());
}

#[test]
fn a_step_that_calls_nobody_is_told_with_how_to_mend_it() {
    let text = "[escalation]\nsteps = ['soon webhook', '15m', '15m mention ana', '15m call S0123456789', '8d webhook', '15m SEV-3 webhook', '5m webhook', '6m pagerduty', '7m channel Ops Room', '8m channel a', '9m channel a']\n";
    insta::assert_snapshot!(problems(&with_file(text)).join("\n"), @r#"
    escalation.steps (k8s-monitor.toml:2): "soon webhook": "soon" is no time up to 7d; write a time, then whom to call: "15m mention S0123456789", "15m mention owner", "30m channel oncall", "30m SEV-1 pagerduty", "1h webhook"
    escalation.steps (k8s-monitor.toml:2): "15m": it does not say whom to call; write a time, then whom to call: "15m mention S0123456789", "15m mention owner", "30m channel oncall", "30m SEV-1 pagerduty", "1h webhook"
    escalation.steps (k8s-monitor.toml:2): "15m mention ana": "ana" is no id of a user or group in Slack; write a time, then whom to call: "15m mention S0123456789", "15m mention owner", "30m channel oncall", "30m SEV-1 pagerduty", "1h webhook"
    escalation.steps (k8s-monitor.toml:2): "15m call S0123456789": "call S0123456789" is nothing that can be called; write a time, then whom to call: "15m mention S0123456789", "15m mention owner", "30m channel oncall", "30m SEV-1 pagerduty", "1h webhook"
    escalation.steps (k8s-monitor.toml:2): "8d webhook": "8d" is no time up to 7d; write a time, then whom to call: "15m mention S0123456789", "15m mention owner", "30m channel oncall", "30m SEV-1 pagerduty", "1h webhook"
    escalation.steps (k8s-monitor.toml:2): "15m SEV-3 webhook": SEV-3 is never posted; write a time, then whom to call: "15m mention S0123456789", "15m mention owner", "30m channel oncall", "30m SEV-1 pagerduty", "1h webhook"
    escalation.steps (k8s-monitor.toml:2): "5m webhook" calls no address; set escalation.webhook_url (ESCALATION_WEBHOOK_URL)
    escalation.steps (k8s-monitor.toml:2): "6m pagerduty" has no key of PagerDuty; set escalation.pagerduty_key (PAGERDUTY_ROUTING_KEY)
    escalation.steps (k8s-monitor.toml:2): "7m channel Ops Room": "channel Ops Room" is nothing that can be called; write a time, then whom to call: "15m mention S0123456789", "15m mention owner", "30m channel oncall", "30m SEV-1 pagerduty", "1h webhook"
    escalation.steps (k8s-monitor.toml:2): "9m channel a" calls somebody twice; keep one of the two steps
    "#);
}

#[test]
fn priorities_come_from_the_lists_then_from_the_catalogue() {
    let mut all = with_file("[priorities]\nP1 = ['shop/*']\nP0 = ['shop/api']\n[services]\nfile = 's.txt'\n");
    all.named_files.insert("s.txt".into(), Ok("1. A (P0 - x)\n  1.1 wiki\n  1.2 api\n".into()));
    let priorities = Config::load(&all).unwrap().0.priorities;
    let of = |ns: &str, name: &str| {
        let owner = crate::cluster::ObjectRef { kind: "Deployment".into(), namespace: ns.into(), name: name.into() };
        priorities.priority_of(&owner, &crate::cluster::ClusterIndex::default())
    };
    assert_eq!(of("shop", "api"), Some(Priority::P0));
    assert_eq!(of("shop", "web"), Some(Priority::P1));
    assert_eq!(of("docs", "wiki"), Some(Priority::P0));
    assert_eq!(of("docs", "other"), None);
}

#[test]
fn a_catalogue_that_cannot_be_read_does_not_stop_the_start() {
    let mut all = with_env(&[("SERVICES_FILE", "s.txt")]);
    all.named_files.insert("s.txt".into(), Err("there is no such file".into()));
    assert_eq!(warnings(&all).len(), 1);
}

#[test]
fn checks_are_set_by_their_own_names_and_parameters() {
    let text = "[checks.crash-loop]\ngrace = '5m'\nrestarts = 4\n[checks.evicted]\nenabled = false\n[checks.not-ready]\nenabled = true\n[ignore]\nnamespaces = ['dev-*']\n";
    let (config, warnings) = Config::load(&with_file(text)).unwrap();
    assert_eq!(warnings, []);
    assert!(!config.settings.is_on("evicted") && config.settings.is_on("not-ready"));
    let parameters = crate::findings::checks::ALL.iter().flat_map(|check| check.parameters());
    let changed: Vec<String> = parameters
        .filter(|p| config.settings.of(p) != p.default)
        .map(|p| format!("{} {} {}", p.check, p.name, p.show(config.settings.of(p))))
        .collect();
    assert_eq!(changed, ["crash-loop grace 5m", "crash-loop restarts 4"]);
    let table = config.explain();
    for (key, place) in [
        ("checks.crash-loop.grace", "k8s-monitor.toml:2"),
        ("checks.evicted.enabled", "k8s-monitor.toml:5"),
        ("checks.not-ready.grace", "default"),
    ] {
        let line = table.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key}"));
        assert!(line.ends_with(place), "{line}");
    }
    assert_eq!(config.settings.leave_alone.namespaces[0].to_string(), "Namespace dev-*");
}

#[test]
fn what_names_no_check_and_no_parameter_is_told_with_the_nearest() {
    let text = "[checks.crashloop]\nenabled = false\n[checks.crash-loop]\ngrase = '1m'\nwindow = '10s'\nrestarts = '5m'\nenabled = 'no'\n[checks]\nevicted = false\n[checks.zebra]\nx = 1\n[checks.out-of-memory]\nzebra = 1\n[ignore]\nnamespaces = ['Dev']\nowners = ['deployment shop/api']\n";
    insta::assert_snapshot!(problems(&with_file(text)).join("\n"), @r#"
    checks.evicted (k8s-monitor.toml:9): is no section; write [checks.NAME], and below it what is to be set
    checks.crash-loop.enabled (k8s-monitor.toml:7): is neither true nor false; write true or false
    checks.crash-loop.grase (k8s-monitor.toml:4): is not a parameter of crash-loop; did you mean grace?
    checks.crash-loop.restarts (k8s-monitor.toml:6): "5m" is not a whole number; write for example restarts = 3
    checks.crash-loop.window (k8s-monitor.toml:5): "10s" is not within 1m to 24h; write for example window = "15m"
    checks.crashloop.enabled (k8s-monitor.toml:2): is not a check; did you mean crash-loop?
    checks.out-of-memory.zebra (k8s-monitor.toml:13): is not a parameter of out-of-memory; it has window, kills, grace, enabled
    checks.zebra.x (k8s-monitor.toml:11): is not a check; `k8s-monitor checks` lists them
    ignore.namespaces (k8s-monitor.toml:15): "Dev": `D` cannot be part of a name; Kubernetes names have small letters, digits, `-` and `.` only; `*` is any text
    ignore.owners (k8s-monitor.toml:16): "deployment shop/api": `deployment` is not how the API writes it; write `Deployment`
    "#);
}

#[path = "tests_of_prototype.rs"]
mod of_prototype;
