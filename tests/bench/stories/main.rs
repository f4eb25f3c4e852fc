//! The stories by which the score of changes is judged, printed: each with its right answer and what is found, and how many are right.
#![expect(clippy::print_stdout, reason = "the table is its output")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the stories are those of the tests, made of values that are there"
)]

// The stories name what they need by these.
use k8s_monitor::{changes, cluster, findings, incidents};

#[path = "../../../src/changes/stories/mod.rs"]
mod stories;

fn main() {
    let all = stories::stories();
    let (mut right, mut too_sure) = (0, 0);
    println!("story | right | found first, how sure, score");
    for story in &all {
        let found = story.found();
        let marks = judged(story.is_right(&found), story.says_too_much(&found), (&mut right, &mut too_sure));
        println!("{}{marks}", story.line(&found));
    }
    println!("{right} of {} right, {too_sure} said with too much certainty", all.len());

    let all = stories::git::stories();
    let (mut right, mut too_sure) = (0, 0);
    println!("\nstory of Git | right | found first, how sure, score | commit");
    for story in &all {
        let found = story.found();
        let marks = judged(story.is_right(&found), story.says_too_much(&found), (&mut right, &mut too_sure));
        println!("{}{marks}", story.line(&found));
    }
    println!("{right} of {} right, {too_sure} said with too much certainty", all.len());
}

/// Counts a story; the marks of what is wrong with its answer come out.
fn judged(is_right: bool, says_too_much: bool, (right, too_sure): (&mut usize, &mut usize)) -> String {
    *right += usize::from(is_right);
    *too_sure += usize::from(says_too_much);
    let wrong = if is_right { "" } else { " | WRONG" };
    let sure = if says_too_much { " | TOO SURE" } else { "" };
    format!("{wrong}{sure}")
}
