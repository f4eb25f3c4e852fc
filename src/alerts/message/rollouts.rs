//! That rollouts of what matters began: a line each.

use super::{NAME, SENTENCE, Times};
use crate::{
    alerts::{
        Message,
        blocks::{Blocks, cap, escape_line},
    },
    changes::Rollout,
    incidents::Priority,
};

/// How many are named, and how many differences of each.
const NAMED: usize = 10;
const DIFFERENCES: usize = 3;

/// That rollouts began.
pub fn rollouts_began(rollouts: &[(&Rollout, Priority)], times: &Times<'_>) -> Message {
    let mut lines: Vec<String> = rollouts.iter().take(NAMED).map(|(it, priority)| line(it, *priority, times)).collect();
    if let Some(more) = rollouts.len().checked_sub(NAMED).filter(|more| *more > 0) {
        lines.push(format!("... and {more} more: `/k8s changes 1h`"));
    }
    let mut blocks = Blocks::default();
    // A section holds 3,000 characters; each line is shorter than 900.
    for some in lines.chunks(3) {
        blocks.section(&some.join("\n"));
    }
    blocks.into_message(&lines.join("\n"), None)
}

/// `🚀 *shop/web* (P0) rollout #15 by Argo CD application shop at 9f3c2ab began 14:02 UTC: image web:1.0.0 → 1.1.0`.
fn line(it: &Rollout, priority: Priority, times: &Times<'_>) -> String {
    let cluster = if times.is_one_of_many { format!("{}: ", times.cluster) } else { String::new() };
    let name = cap(&escape_line(&format!("{cluster}{}/{}", it.owner.namespace, it.owner.name)), NAME);
    let by = it.by_whom();
    let what = it.what(DIFFERENCES);
    let head = cap(&escape_line(&format!("rollout #{}{by}", it.number)), NAME);
    let what = cap(&escape_line(&what), SENTENCE);
    format!("🚀 *{name}* ({priority}) {head} began {}: {what}", times.say(it.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alerts::testing::{at, owner},
        changes::{Before, Difference, Field},
        clock::Now,
    };

    fn rollout(name: &str, before: Before) -> Rollout {
        Rollout {
            owner: owner("Deployment", "shop", name),
            number: 15,
            revision: format!("{name}-15"),
            at: at(0),
            before,
            by: None,
            kept_by: None,
            is_current: true,
            source: None,
        }
    }

    #[test]
    fn each_rollout_is_a_line_and_nothing_of_it_is_taken_for_a_mention() {
        let image = |to: &str| Difference {
            container: None,
            field: Field::Image,
            from: Some("web:1.0.0".into()),
            to: Some(to.into()),
        };
        let (web, new, odd) = (
            rollout("web", Before::Revision(14, vec![image("web:1.1.0")])),
            rollout("cart", Before::Nothing),
            rollout("odd", Before::Revision(14, vec![image("<!channel>"); 5])),
        );
        let all = [(&web, Priority::P0), (&new, Priority::P1), (&odd, Priority::P0)];
        let times = Times { now: Now::utc(at(1)), cluster: "production", is_one_of_many: false };
        let message = rollouts_began(&all, &times);
        assert!(!message.blocks.iter().any(|block| block.to_string().contains("<!channel>")), "{message:?}");
        insta::assert_snapshot!(message.plain(), @r"
        🚀 *shop/web* (P0) rollout #15 began 14:00 UTC: image web:1.0.0 → 1.1.0
        🚀 *shop/cart* (P1) rollout #15 began 14:00 UTC: it is new
        🚀 *shop/odd* (P0) rollout #15 began 14:00 UTC: image web:1.0.0 → <!channel>, image web:1.0.0 → <!channel>, image web:1.0.0 → <!channel>, 2 more
        ");
        let times = Times { is_one_of_many: true, ..times };
        insta::assert_snapshot!(rollouts_began(&[(&new, Priority::P1); 12], &times).plain().lines().last().unwrap_or_default(), @"... and 2 more: `/k8s changes 1h`");
    }
}
