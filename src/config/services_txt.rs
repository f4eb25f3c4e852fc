//! The prototype's catalogue (`services.txt`): which service names its sections give which priority.

use crate::incidents::Priority;

/// Names (and aliases) of the services under each section title that names a priority.
///
/// A section that says "P2-P3" counts as P2: rather a line too many than a silent one.
pub(super) fn priorities(text: &str) -> Vec<(String, Priority)> {
    let mut section = None;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        let Some((number, title)) = line.split_once(' ') else { continue };
        if !number.starts_with(|c: char| c.is_ascii_digit()) || !number.chars().all(|c| c.is_ascii_digit() || c == '.')
        {
            continue;
        }
        if number.ends_with('.') {
            section = priority_of(title);
        } else if let Some(priority) = section.filter(|_| number.contains('.')) {
            let names = title.split(['(', ')', ',']).map(str::trim);
            let names = names.filter(|n| !n.is_empty() && !n.contains(char::is_whitespace));
            found.extend(names.map(|name| (name.to_lowercase(), priority)));
        }
    }
    found
}

fn priority_of(title: &str) -> Option<Priority> {
    let (_, tier) = title.rsplit_once('(')?;
    let names = [("P0", Priority::P0), ("P1", Priority::P1), ("P2", Priority::P2), ("P3", Priority::P3)];
    names.into_iter().find(|(name, _)| tier.starts_with(name)).map(|(_, priority)| priority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_take_the_priority_of_their_section() {
        let text = "\
Services of the cluster

1. Shop (P0 - Business Critical)
  These must never be down.
  1.1 orders-api
    - Purpose: takes orders
    - Dependencies: orders-db (data)
  1.2 pull-auth (registry-auth-sync)
---
2. Base (P1 - Infrastructure Dependencies)
  2.1 mail relay
  2.2 ingress
3. Rest (P2-P3)
  3.1 wiki
4. Common patterns
  4.1 GitOps
";
        let named = |name: &str, priority| (name.to_owned(), priority);
        assert_eq!(
            priorities(text),
            [
                named("orders-api", Priority::P0),
                named("pull-auth", Priority::P0),
                named("registry-auth-sync", Priority::P0),
                named("ingress", Priority::P1),
                named("wiki", Priority::P2),
            ]
        );
    }
}
