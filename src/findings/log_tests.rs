//! Logs of applications that mean no good, and of those that say too much: what is left is a few harmless lines.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn of(previous: bool) -> LogOf {
    LogOf { namespace: "shop".into(), pod: "api-1".into(), container: "app".into(), previous }
}

/// As the client reads it: what is no UTF-8 is replaced.
fn shown(raw: &[u8]) -> String {
    let lines = LogLines::kept(of(true), &String::from_utf8_lossy(raw));
    lines.map(|lines| lines.shown().collect::<Vec<_>>().join("\n")).unwrap_or_default()
}

#[rstest]
#[case::nothing("", "")]
#[case::empty_lines("\n \n\t\r\n\u{200b}\n", "")]
#[case::plain("starting\r\ncannot reach postgres:5432\n", "starting\ncannot reach postgres:5432")]
#[case::colours("\u{1b}[1;31mERROR\u{1b}[0m boom\u{1b}[K", "ERROR boom")]
#[case::a_link_of_a_terminal("\u{1b}]8;;https://evil\u{7}click\u{1b}]8;;\u{7} \u{1b}]0;title\u{1b}\\me", "click me")]
#[case::an_open_command("before\u{1b}[31", "before")]
#[case::control_characters("a\u{0}b\u{7}c\u{8}\u{8}d\rFORGED", "a b c d FORGED")]
#[case::right_to_left("a\u{202e}b\u{2066}c\u{200f}\u{61c}\u{feff}\u{e0041}d", "abcd")]
#[case::lines_of_another_kind("a\u{2028}b\u{85}c", "a b c")]
#[case::password("connect password=hunter2 user=x", "connect password=*** user=x")]
#[case::password_with_spaces("password = hunter2\npasswd : hunter2", "password = ***\npasswd : ***")]
#[case::password_in_quotes(r#"{"user":"a","password":"correct horse battery"}"#, r#"{"user":"a","password":***"#)]
#[case::password_in_a_message(r#"level=error msg="password=hunter2""#, r#"level=error msg="password=***"#)]
#[case::flag("exec app --db-password hunter2 --port 80", "exec app --db-password *** --port 80")]
#[case::bearer("Authorization: Bearer abc.def-ghi next", "Authorization: Bearer *** next")]
#[case::bearer_in_json(r#""authorization":"Bearer abc.def.ghi", "a":1"#, r#""authorization":*** "a":1"#)]
#[case::cookie("Set-Cookie: session=abcdef; theme=dark", "Set-Cookie: ***")]
#[case::jwt("token is (eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln)", "token is (***)")]
#[case::aws_id("using AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE now", "using AWS_ACCESS_KEY_ID=*** now")]
#[case::aws_secret("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key=***")]
#[case::aws_secret_alone("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "***")]
#[case::url("dial postgres://app:hunter2@db:5432/x", "dial postgres://***@db:5432/x")]
#[case::url_with_commas("dsn=postgres://app:h,u&n?ter2@db/x", "dsn=postgres://***@db/x")]
#[case::url_of_several("mongodb://u:p@h1:27017,h2:27017/db", "mongodb://***@h1:27017,h2:27017/db")]
#[case::key(
    "load\n-----BEGIN PRIVATE KEY-----\nMIIEvQ\nabc\n-----END PRIVATE KEY-----\nloaded",
    "load\n*** (a key or certificate)\nloaded"
)]
#[case::key_on_one_line(
    "k=\"-----BEGIN RSA PRIVATE KEY-----\\nMIIEvQ\\n-----END RSA PRIVATE KEY-----\" x",
    "k=\"\n*** (a key or certificate)"
)]
#[case::key_without_its_beginning(
    "MIIEvQ\nabc==\n-----END PRIVATE KEY-----\nloaded",
    "*** (a key or certificate)\nloaded"
)]
#[case::key_without_its_end("load\n-----BEGIN PRIVATE KEY-----\nMIIEvQ", "load\n*** (a key or certificate)")]
#[case::what_is_no_secret(
    "sha256:0f3a1b2c4d5e6f708192a3b4c5d6e7f80f3a1b2c4d5e6f708192a3b4c5d6e7f8 at https://host:8080/a?b=c of /usr/lib/Python3/Site/Packages/Some/Module",
    "sha256:0f3a1b2c4d5e6f708192a3b4c5d6e7f80f3a1b2c4d5e6f708192a3b4c5d6e7f8 at https://host:8080/a?b=c of /usr/lib/Python3/Site/Packages/Some/Module"
)]
fn what_is_left_of_a_log_is_harmless(#[case] raw: &str, #[case] expected: &str) {
    assert_eq!(shown(raw.as_bytes()), expected);
}

#[test]
fn mark_up_stays_as_it_is_written_and_is_made_text_where_it_is_shown() {
    let raw = "<!here> @channel ```\n``` *bold* <https://evil|click>";
    assert_eq!(shown(raw.as_bytes()), "<!here> @channel ```\n``` *bold* <https://evil|click>");
}

#[test]
fn only_the_end_of_a_log_is_kept_and_only_the_beginning_of_a_line() {
    let numbered = (1..=50).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    let lines = LogLines::kept(of(true), &numbered).unwrap();
    assert_eq!((lines.lines.len(), lines.lines.first().unwrap().as_str()), (20, "line 31"));
    assert_eq!(lines.shown().collect::<Vec<_>>(), ["line 45", "line 46", "line 47", "line 48", "line 49", "line 50"]);

    let long = (1..=50).map(|n| format!("{n} {}", "ä".repeat(1000))).collect::<Vec<_>>().join("\n");
    let lines = LogLines::kept(of(true), &long).unwrap();
    assert!(lines.lines.iter().map(String::len).sum::<usize>() <= 4096);
    assert!(lines.lines.iter().all(|line| line.chars().count() == 200 && line.ends_with('…')));
    assert_eq!(lines.shown().count(), 3);

    for endless in ["x", "ä ", "=", "\"=", "a:", "\u{1b}[", "sk-ant-", "://", "@", "password=", "-----BEGIN "] {
        let one = shown(endless.repeat((1 << 20) / endless.len()).as_bytes());
        assert!(one.chars().count() <= 230, "{endless}: {one}");
    }
}

#[test]
fn bytes_that_are_no_text_are_shown_as_such() {
    assert_eq!(shown(b"panic: \xff\xfe\x80 end\n\xc3"), "panic: \u{fffd}\u{fffd}\u{fffd} end\n\u{fffd}");
}

#[test]
fn it_says_whose_log_it_is() {
    let title = |previous| LogLines::kept(of(previous), "x").unwrap().title();
    assert_eq!(title(true), "log of shop/api-1 app (previous run):");
    assert_eq!(title(false), "log of shop/api-1 app:");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_logged_a_little_of_it_is_kept(raw in proptest::collection::vec(any::<u8>(), 0..6000)) {
        let raw = String::from_utf8_lossy(&raw);
        if let Some(lines) = LogLines::kept(of(false), &raw) {
            prop_assert!(lines.lines.len() <= 20 && lines.lines.iter().map(String::len).sum::<usize>() <= KEPT);
            prop_assert!(lines.shown().count() <= 6 && lines.shown().map(|line| line.chars().count()).sum::<usize>() <= 600);
            prop_assert!(lines.lines.iter().all(|line| !line.is_empty() && !line.contains(|c: char| c.is_control() || is_hidden(c))));
        }
    }
}
