//! What was read of settings, and what changed: kept across a restart, forgotten with the object, moved with the cluster, tidied.

use serde_json::json;

use super::*;
use crate::{
    changes::{Read, Reading, SettingChange, change, reading},
    cluster::ObjectRef,
    store::Kept,
};

fn config(name: &str) -> ObjectRef {
    ObjectRef { kind: "ConfigMap".into(), namespace: "shop".into(), name: name.into() }
}

fn read(value: &str) -> Reading {
    reading(&config("x"), &json!({"data": {"HOST": value}}), &|text| text.len().to_string()).unwrap()
}

fn changed(minute: i64) -> SettingChange {
    let object = json!({});
    let (before, after) = (read("db"), read("db-new"));
    let when = Read { now: at(minute), before: Some(at(minute - 1)) };
    change(&config("x"), Some(&before), Some((&object, &after)), when).unwrap()
}

#[tokio::test]
async fn what_was_read_is_there_after_a_restart_and_gone_with_its_object() {
    let (store, guard) = testing::fresh().await.unwrap();
    let kept = |value: &str, minute| Kept { reading: read(value), at: at(minute) };
    let (one, other) = (config("one"), config("other"));
    store.record_reading(&cluster(), &one, Some(("7", &kept("db", 0))), None).await.unwrap();
    store.record_reading(&cluster(), &one, Some(("9", &kept("db-new", 1))), Some(&changed(1))).await.unwrap();
    store.record_reading(&cluster(), &other, Some(("8", &kept("db", 1))), None).await.unwrap();
    let salt = store.salt("first").await.unwrap();
    store.close().await;

    let store = Store::open(guard.url()).await.unwrap();
    assert_eq!((salt.as_str(), store.salt("second").await.unwrap().as_str()), ("first", "first"));
    let mut all = store.objects_read(&cluster()).await.unwrap();
    all.sort();
    assert_eq!(all, [(one.clone(), "9".to_owned(), at(1)), (other.clone(), "8".to_owned(), at(1))]);
    assert_eq!(store.last_reading(&cluster(), &one).await.unwrap(), Some(kept("db-new", 1)));
    assert_eq!(store.setting_changes(&cluster(), at(0), 10).await.unwrap(), [changed(1)]);
    assert_eq!(store.setting_changes(&cluster(), at(2), 10).await.unwrap(), []);

    store.record_reading(&cluster(), &one, None, Some(&changed(3))).await.unwrap();
    store.forget_reading(&cluster(), &other).await.unwrap();
    assert_eq!(store.objects_read(&cluster()).await.unwrap(), []);
    assert_eq!(store.setting_changes(&cluster(), at(0), 1).await.unwrap(), [changed(3)], "the newest");
}

#[tokio::test]
async fn a_cluster_that_says_who_it_is_keeps_what_was_read_of_it() {
    let (store, _guard) = testing::fresh().await.unwrap();
    let (before, now) = (ClusterId("provisional".into()), cluster());
    let kept = Kept { reading: read("db"), at: at(0) };
    for of in [&before, &now] {
        store.record_reading(of, &config("one"), Some(("7", &kept)), Some(&changed(1))).await.unwrap();
    }
    store.record_reading(&before, &config("two"), Some(("8", &kept)), None).await.unwrap();
    store.adopt(&before, &now).await.unwrap();
    assert_eq!(store.objects_read(&now).await.unwrap().len(), 2);
    assert_eq!(store.setting_changes(&now, at(0), 10).await.unwrap().len(), 2);

    assert_eq!(store.prune(at(3 * 24 * 60), Retention::default()).await.unwrap().setting_changes, 2);
}
