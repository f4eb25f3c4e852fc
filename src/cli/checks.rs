//! `checks`: what is looked for, as a table; or one check in full. Both come from the checks themselves.

use std::{fmt::Write as _, process::ExitCode};

use anyhow::bail;

use super::print;
use crate::{
    cluster::{Kind, Meter},
    conversation::nearest,
    findings::{Check, checks},
};

/// Prints the table, or explains the check of that name.
pub(super) fn run(name: Option<&str>) -> anyhow::Result<ExitCode> {
    match name {
        None => print(&table(checks::ALL)),
        Some(name) => print(&explain(name)?),
    }
    Ok(ExitCode::SUCCESS)
}

fn table(all: &[&dyn Check]) -> String {
    let width = all.iter().map(|check| check.name().len()).max().unwrap_or(0);
    let mut out = String::new();
    for check in all {
        // Writing to a String cannot fail.
        let _written = writeln!(out, "{:width$}  {}", check.name(), check.doc().what);
    }
    out.push_str("\nMore of one: k8s-monitor checks NAME");
    out
}

fn explain(name: &str) -> anyhow::Result<String> {
    let Some(check) = checks::ALL.iter().find(|check| check.name().eq_ignore_ascii_case(name)) else {
        let near = nearest(name, checks::ALL.iter().map(|check| check.name()));
        if near.is_empty() {
            bail!("there is no check {name:?}; `k8s-monitor checks` lists them");
        }
        bail!("there is no check {name:?}; did you mean {}?", near.join(" or "));
    };
    let doc = check.doc();
    let set: String = check.parameters().iter().fold(String::new(), |mut lines, parameter| {
        let (least, most) = (parameter.show(parameter.least), parameter.show(parameter.most));
        // Writing to a String cannot fail.
        let _written = write!(lines, "\n  {parameter}\n      {} {least} to {most}.", parameter.what);
        lines
    });
    let judged = || Kind::ALL.into_iter().filter(|kind| check.judges(kind.name())).collect();
    let kinds: Vec<Kind> = Some(check.reads().to_vec()).filter(|all| !all.is_empty()).unwrap_or_else(judged);
    let meter = check.measured_by().map(|meter| match meter {
        Meter::Metrics => "the metrics API",
        Meter::Kubelets => "the kubelets",
    });
    let reads: Vec<&str> = kinds.into_iter().map(Kind::plural).chain(meter).collect();
    Ok(format!(
        "{name}: {what}\n\nWhy it matters  {why}\nWhat to do      {fix}\nIt waits        {grace}\nIt is silent    {silent}\nIt reads        {reads}\n\n[checks.{name}] in the configuration, with what holds by default:\n  enabled = true{set}",
        name = check.name(),
        what = doc.what,
        why = doc.why,
        fix = doc.fix,
        grace = doc.grace,
        silent = doc.silent,
        reads = reads.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_in_the_table_and_documented_in_full() {
        let table = table(checks::ALL);
        assert_eq!(table.lines().count(), checks::ALL.len() + 2);
        for check in checks::ALL {
            let doc = check.doc();
            for text in [doc.what, doc.why, doc.fix, doc.grace, doc.silent] {
                assert!(text.ends_with('.') && !text.contains(['|', '\n']), "{}: {text:?}", check.name());
            }
        }
    }

    #[test]
    fn every_check_says_what_it_reads() {
        let reads = |name: &str| {
            let text = explain(name).unwrap();
            text.lines().find_map(|line| line.strip_prefix("It reads")).unwrap().trim().to_owned()
        };
        assert!(checks::ALL.iter().all(|check| !reads(check.name()).is_empty()));
        assert_eq!(reads("certificate"), "nodes, certificates");
        assert_eq!(reads("volume-nearly-full"), "pods, the kubelets");
    }

    #[test]
    fn one_check_is_explained() {
        insta::assert_snapshot!(explain("Crash-Loop").unwrap(), @r#"
        crash-loop: A container (init, sidecar or main) ends again and again and is restarted each time.

        Why it matters  It does no work while it is down, and the waiting time between restarts grows to five minutes.
        What to do      Read the log of its last run (`kubectl logs --previous`); its exit code and last words are in the alert.
        It waits        None from the second restart on; 60 s after the first. Running at the moment: 3 restarts in 15 min.
        It is silent    One restart with health since; Jobs with retries left; pods being deleted or replaced; restartPolicy Never.
        It reads        pods

        [checks.crash-loop] in the configuration, with what holds by default:
          enabled = true
          grace = "1m"
              How long a container may be down after its first end. 0s to 1h.
          window = "15m"
              The restarts of a running container are counted in this time. 1m to 24h.
          restarts = 3
              So many restarts within it are a crash loop although the container runs at the moment. 2 to 100.
        "#);
    }

    #[test]
    fn a_mistyped_check_gets_the_nearest() {
        insta::assert_snapshot!(explain("crashloop").unwrap_err().to_string(), @r#"there is no check "crashloop"; did you mean crash-loop?"#);
        insta::assert_snapshot!(explain("zebra").unwrap_err().to_string(), @r#"there is no check "zebra"; `k8s-monitor checks` lists them"#);
    }
}
