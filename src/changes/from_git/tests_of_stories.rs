//! Labelled stories of Git come in; the right commit must be named, and none where nobody can say.

use insta::assert_snapshot;

use crate::changes::stories::git::stories;

#[test]
fn every_story_names_the_right_commit_or_none() {
    let stories = stories();
    let wrong = stories.iter().filter_map(|story| {
        let found = story.found();
        let is_good = story.is_right(&found) && !story.says_too_much(&found);
        (!is_good).then(|| story.line(&found))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_stories_are_told_so() {
    let lines: Vec<String> = stories().iter().map(|story| story.line(&story.found())).collect();
    assert_snapshot!(lines.join("\n"), @r"
    the only commit | aaaaaaa | #2 HIGH 100 | aaaaaaa
    the right commit among decoys | bbbbbbb | #2 HIGH 100 | bbbbbbb
    two changes at once, the limit committed first: killed for memory | aaaaaaa | #2 HIGH 100 | aaaaaaa
    two changes at once, the image committed first: it cannot be pulled | aaaaaaa | #2 HIGH 100 | aaaaaaa
    two changes at once in one commit | aaaaaaa | #2 HIGH 100 | aaaaaaa
    two rollouts within minutes, each of its own commit: the earlier one is the cause | aaaaaaa | #2 HIGH 100 | aaaaaaa
    a revert: the limit is as small as before | bbbbbbb | #3 HIGH 100 | bbbbbbb
    reverted after it broke | aaaaaaa | #2 HIGH 100 | aaaaaaa
    a renamed file, and the change in it | aaaaaaa | #2 HIGH 100 | aaaaaaa
    a file that was only renamed, after the change in it | aaaaaaa | #2 HIGH 100 | aaaaaaa
    a file that moved and changed so much that it is one that is gone and one that is new | aaaaaaa | #2 HIGH 100 | aaaaaaa
    a variable, and a switch elsewhere that becomes true as well | aaaaaaa | #3 HIGH 100 | aaaaaaa
    a patch that is too long to be read may be it | aaaaaaa | #2 HIGH 100 | aaaaaaa, guessed
    the patch was read and is another one | #2 | #2 HIGH 100 | none
    changed by hand just after an unrelated commit | #2 | #2 HIGH 100 | none
    the same was committed after it was done | #2 | #2 HIGH 100 | none
    a change after it broke | none | none | none
    the limit of another container, and a commit that says so | aaaaaaa | #2 MEDIUM 60 | aaaaaaa
    a squash merge of what was written four days ago | bbbbbbb | #2 HIGH 100 | bbbbbbb
    a pull request that was merged six hours after its commit | aaaaaaa | #2 HIGH 100 | aaaaaaa
    committed before the rollout, and merged after it | aaaaaaa | #2 MEDIUM 60 | aaaaaaa, guessed
    hours between the commit and its sync | aaaaaaa | #2 HIGH 100 | aaaaaaa
    committed before it broke, rolled out after it | none | none | none
    Argo CD tells the commit, and a newer one waits | aaaaaaa | #2 HIGH 100 | aaaaaaa
    Argo CD tells the commit, and a newer one that does the same waits | aaaaaaa | #2 HIGH 100 | aaaaaaa
    two commits in one sync, and the later one is another thing | bbbbbbb | #2 HIGH 100 | bbbbbbb
    what was synced is the last commit of the repository, which touches other things | aaaaaaa | #2 HIGH 100 | aaaaaaa
    what was synced makes the same difference as one that was there before | ccccccc | #2 HIGH 100 | ccccccc
    a clock that is a minute late | aaaaaaa | #2 HIGH 100 | aaaaaaa
    five minutes after the rollout is no clock | #2 | #2 HIGH 100 | none
    a new image, and what is in it | aaaaaaa | #3 HIGH 100 | aaaaaaa, 5.7.0...5.8.0 2 ahead
    a new image, tagged with a v in its own repository | aaaaaaa | #3 HIGH 100 | aaaaaaa, v5.7.0...v5.8.0 3 ahead
    a new image that is tagged with a v itself | aaaaaaa | #3 HIGH 100 | aaaaaaa, v5.7.0...v5.8.0 1 ahead
    an image that is older than the one before | aaaaaaa | #3 HIGH 100 | aaaaaaa, 5.8.0...5.7.0 3 back
    an image by its digest | aaaaaaa | #3 HIGH 100 | aaaaaaa
    another service gets the same version later, in the same file | aaaaaaa | #2 HIGH 100 | aaaaaaa
    another service gets the same version later, in its own file | aaaaaaa | #2 HIGH 100 | aaaaaaa
    only another service got that version | #2 | #2 HIGH 100 | none
    all services get that version in one commit | aaaaaaa | #2 HIGH 100 | aaaaaaa
    another service gets the same limit later | aaaaaaa | #2 HIGH 100 | aaaaaaa
    the limits of two other services are tuned, one from and one to the same | aaaaaaa | #2 HIGH 100 | aaaaaaa
    the values of a chart that name nobody | aaaaaaa | #2 HIGH 100 | aaaaaaa
    a node is down, and its pods are of the version that was just put in place | none | #2 LOW 24 | aaaaaaa
    the database is down, and pods of both versions crash | none | none | none
    the registry is down, and somebody committed a limit that is in place | none | none | none
    the registry is down for one image, and settings were committed just before | none | commit aaaaaaa LOW 5 | aaaaaaa, guessed
    the database is down, and settings were committed just before | none | commit aaaaaaa LOW 15 | aaaaaaa, guessed
    settings were committed just before | aaaaaaa | commit aaaaaaa MEDIUM 30 | aaaaaaa, guessed
    settings were committed hours before | none | commit aaaaaaa LOW 5 | aaaaaaa, guessed
    settings were committed after it broke | none | none | none
    settings were committed and taken back before it broke | bbbbbbb | commit bbbbbbb MEDIUM 30 | bbbbbbb, guessed
    an innocent rollout hours before, and settings committed just before | bbbbbbb | commit bbbbbbb MEDIUM 30 | bbbbbbb, guessed
    a machine commits every hour | none | commit ddddddd LOW 5 | ddddddd, guessed
    a machine commits every hour, and somebody committed settings before it | eeeeeee | commit eeeeeee MEDIUM 30 | eeeeeee, guessed
    a machine commits every hour, and somebody other arguments before it | eeeeeee | #2 HIGH 100 | eeeeeee, guessed
    the limit of requests is used up | #2 | #2 HIGH 100 | none, not known: GitHub's requests for this hour are used up: again at 14:40 UTC
    the limit of requests is used up, and no rollout explains it | none | none | none, not known: GitHub's requests for this hour are used up: again at 14:40 UTC
    the limit of requests is used up before the patch is read | aaaaaaa | #2 HIGH 100 | aaaaaaa, guessed, not known: less than a tenth of GitHub's requests is left: they are kept for SEV-1 until 14:50 UTC
    the repository is private | #2 | #2 HIGH 100 | none, not known: commits of acme/gitops: does not exist, or is private and not readable with this token
    one of two repositories is private, and the commit in the other is another thing | #2 | #2 HIGH 100 | none, not known: commits of acme/infra: does not exist, or is private and not readable with this token
    ");
}
