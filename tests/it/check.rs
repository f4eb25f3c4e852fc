//! `check` as a program: its exit code never says that nothing is wrong when nothing was looked at.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Exit code, output and complaints of a run with that standard input, in an empty environment.
fn check(arguments: &[&str], input: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_k8s-monitor"))
        .current_dir(&folder)
        .env_clear()
        .args(["check", "--from", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (ended.status.code().unwrap(), text(ended.stdout), text(ended.stderr))
}

const SHOP: &str = r#"{"kind":"List","items":[{"kind":"Namespace","metadata":{"name":"shop"}},
    {"kind":"Service","apiVersion":"v1","metadata":{"name":"api","namespace":"shop"}}]}"#;

#[test]
fn an_empty_dump_is_not_health() {
    let (code, out, err) = check(&[], "");
    assert_eq!((code, err.as_str()), (2, ""));
    insta::assert_snapshot!(out, @"
    Cannot read: standard input, document 1: no Kubernetes object is in it

    Nothing was looked at: it cannot be seen
    ");
    let (code, out, _) = check(&[], r#"{"kind":"List","items":[{"kind":"ConfigMap","metadata":{"name":"a"}}]}"#);
    assert_eq!(code, 2);
    insta::assert_snapshot!(out, @"
    Cannot read: standard input, document 1: the one object in it is of a kind that is not watched

    Nothing was looked at: it cannot be seen
    ");
}

#[test]
fn a_mistyped_namespace_is_not_health() {
    let (code, out, err) = check(&["-n", "shpo"], SHOP);
    assert_eq!((code, out.as_str()), (2, ""));
    insta::assert_snapshot!(err, @r#"error: there is no namespace "shpo"; did you mean shop?"#);
    assert_eq!(check(&["-n", "shop"], SHOP).0, 0);
}

#[test]
fn who_reads_only_the_first_lines_gets_them_and_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_k8s-monitor"))
        .env_clear()
        .arg("checks")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // As `| head` does when it has enough.
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(0), ""));
}
