//! `[severity]` becomes the policy: each row of the table as it is set, and the numbers beside it.

use super::values::Values;
use crate::incidents::{
    Policy, Severity,
    severity::{COLUMNS, Row},
};

const REMEDY: &str =
    "write one severity for all, or five: for P0, P1, P2, P3 and what is not listed; each \"SEV-1\" to \"SEV-4\"";

pub(super) fn read(values: &mut Values<'_>) -> Policy {
    let mut policy = Policy::default();
    for row in Row::ALL {
        let written = values.list(row.key());
        if written.is_empty() && values.problems.iter().any(|problem| problem.key == row.key()) {
            continue;
        }
        let cells: Vec<Option<Severity>> = written.iter().map(|text| Severity::named(text)).collect();
        if let Some(bad) = written.iter().zip(&cells).find(|(_, cell)| cell.is_none()).map(|(text, _)| text.clone()) {
            values.problem(row.key(), format!("{bad:?} is no severity"), REMEDY);
            continue;
        }
        let cells: Vec<Severity> = cells.into_iter().flatten().collect();
        match (cells.as_slice(), <[Severity; COLUMNS]>::try_from(cells.as_slice())) {
            (_, Ok(cells)) => policy.set(row, cells),
            ([one], _) => policy.set(row, [*one; COLUMNS]),
            _ => values.problem(row.key(), format!("has {} severities, not {COLUMNS}", cells.len()), REMEDY),
        }
    }
    policy.max_downtime = values.duration("severity.max_downtime", (60, 7 * 86_400));
    policy.recurs_from = values.number("severity.recurs_from", 0, 100).into();
    policy
}
