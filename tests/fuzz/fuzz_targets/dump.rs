//! Any text as a dump: it is read, indexed and judged, or refused with a reason.
#![no_main]

use jiff::Timestamp;
use k8s_monitor::{
    cluster::{ClusterIndex, Dump, History},
    findings::{Look, Settings, judge_all},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let dump = Dump::read(&[("fuzz", text)]);
    let now = Timestamp::from_second(1_772_366_400).unwrap();
    let mut index = ClusterIndex::default();
    for fact in dump.facts {
        index.apply(fact, now);
    }
    for no_grace in [true, false] {
        let history = History::default();
        judge_all(&Look { index: &index, history: &history, now, no_grace, settings: &Settings::DEFAULT, known: None });
    }
});
