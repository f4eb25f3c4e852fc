//! What the settings of the prototype become: each is honoured or answered.

use super::*;

#[rstest]
#[case(
    "MONITORING_INTERVAL_HOURS",
    "24",
    "MONITORING_INTERVAL_HOURS (environment MONITORING_INTERVAL_HOURS): is honoured: a pass every 1440 minutes; better write MONITORING_INTERVAL_MINUTES=1440"
)]
#[case(
    "MONITORING_INTERVAL_HOURS",
    "48",
    "MONITORING_INTERVAL_HOURS (environment MONITORING_INTERVAL_HOURS): is honoured: a pass every 1440 minutes, which is the most; better write MONITORING_INTERVAL_MINUTES=1440"
)]
#[case(
    "monitoring_interval_minutes",
    "5",
    "monitoring_interval_minutes (environment monitoring_interval_minutes): is read as MONITORING_INTERVAL_MINUTES; write it in capitals"
)]
#[case(
    "MONITORING_INTERVAL_MINUTES",
    "2880",
    "monitoring.interval_minutes (environment MONITORING_INTERVAL_MINUTES): 2880 counts as 1440; write a number from 1 to 1440"
)]
#[case(
    "MONITORING_INTERVAL_MINUTES",
    "0",
    "monitoring.interval_minutes (environment MONITORING_INTERVAL_MINUTES): 0 counts as 1; write a number from 1 to 1440"
)]
#[case(
    "MONITORING_INTERVAL_HOURS",
    "soon",
    "MONITORING_INTERVAL_HOURS (environment MONITORING_INTERVAL_HOURS): is ignored: it is not a number of hours from 1 to 24; write MONITORING_INTERVAL_MINUTES, 1 to 1440"
)]
#[case(
    "SESSION_ID",
    "a",
    "SESSION_ID (environment SESSION_ID): is not used any more; what the bot remembers is in the database (DATABASE_URL)"
)]
#[case(
    "SLACK_CHANEL",
    "a",
    "SLACK_CHANEL (environment SLACK_CHANEL): is not a variable of k8s-monitor; did you mean SLACK_CHANNEL?"
)]
fn an_old_or_misspelt_variable_is_a_warning(#[case] name: &str, #[case] value: &str, #[case] expected: &str) {
    assert_eq!(warnings(&with_env(&[(name, value)])), [expected]);
}

#[test]
fn every_variable_of_the_prototype_is_honoured_or_warned_about_and_none_stops_the_start() {
    let honoured = [
        "ANTHROPIC_API_KEY",
        "GITHUB_TOKEN",
        "GITHUB_REPO_OWNER",
        "GITHUB_REPO_NAME",
        "SLACK_ENABLED",
        "SLACK_BOT_TOKEN",
        "SLACK_CHANNEL",
        "KUBECONFIG",
        "K3S_CONTEXT",
        "MONITORING_INTERVAL_MINUTES",
        "LOG_LEVEL",
        "SERVICES_FILE",
    ];
    for name in honoured {
        assert!(keys::KEYS.iter().any(|k| k.variable == Some(name)), "{name}");
    }
    for (name, _) in keys::GONE {
        let all = with_env(&[(name, "x")]);
        assert_eq!(warnings(&all).len(), 1, "{name}");
    }
}

#[test]
fn hours_are_honoured_unless_minutes_are_given() {
    let hours = with_env(&[("MONITORING_INTERVAL_HOURS", "2")]);
    assert_eq!(Config::load(&hours).unwrap().0.schedule, Schedule::Every { minutes: 120 });
    let both = with_env(&[("MONITORING_INTERVAL_HOURS", "2"), ("MONITORING_INTERVAL_MINUTES", "5")]);
    assert_eq!(Config::load(&both).unwrap().0.schedule, Schedule::Every { minutes: 5 });
    assert_eq!(warnings(&both).len(), 1);
}

#[test]
fn variables_are_understood_in_small_letters_as_the_prototype_did() {
    let small = with_env(&[("monitoring_interval_minutes", "5"), ("LOG_LEVEL", "debug"), ("Log_Level", "error")]);
    let (config, warnings) = Config::load(&small).unwrap();
    assert_eq!((config.schedule, config.log_level), (Schedule::Every { minutes: 5 }, LogLevel::Debug));
    assert_eq!(warnings.len(), 2);
    let mut both = with_env(&[("slack_channel", "ops")]);
    both.dotenv =
        Some(Text { path: ".env".into(), text: "slack_bot_token=xoxb-123456\nSLACK_CHANNEL=alerts\n".into() });
    let slack = Config::load(&both).unwrap().0.slack;
    assert_eq!(slack.channels, ["ops"]);
    assert!(slack.bot_token.is_some());
    for (name, _) in keys::GONE {
        assert_eq!(self::warnings(&with_env(&[(&name.to_lowercase(), "x")])).len(), 2, "{name}");
    }
}

#[rstest]
#[case("y", true)]
#[case("T", true)]
#[case("1", true)]
#[case("on", true)]
#[case("n", false)]
#[case("F", false)]
#[case("0", false)]
#[case("off", false)]
fn yes_and_no_are_understood_as_the_prototype_did(#[case] written: &str, #[case] expected: bool) {
    assert_eq!(Config::load(&with_env(&[("SLACK_ENABLED", written)])).unwrap().0.slack.enabled, expected);
}

#[rstest]
#[case("WARNING", LogLevel::Warn)]
#[case("CRITICAL", LogLevel::Error)]
#[case("info", LogLevel::Info)]
#[case("NOTSET", LogLevel::Trace)]
fn log_levels_of_python_are_understood(#[case] written: &str, #[case] expected: LogLevel) {
    assert_eq!(Config::load(&with_env(&[("LOG_LEVEL", written)])).unwrap().0.log_level, expected);
}
