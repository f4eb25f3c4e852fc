//! Dumps of every shape, and garbage.

use super::*;
use crate::cluster::ObjectRef;

fn names(dump: &Dump) -> Vec<String> {
    dump.facts.iter().map(|fact| ObjectRef::from(fact.key()).to_string()).collect()
}

fn problems(dump: &Dump) -> Vec<String> {
    dump.problems.iter().map(DumpProblem::to_string).collect()
}

#[test]
fn lists_typed_lists_single_objects_and_yaml_documents_can_be_mixed() {
    let list = r#"{"apiVersion":"v1","kind":"List","items":[
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"shop"}},
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"api","namespace":"shop"}},
        {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"shop"}}]}"#;
    let typed = r#"{"apiVersion":"v1","kind":"PodList","items":[{"metadata":{"name":"b","namespace":"shop"}}]}
                   {"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}"#;
    let yaml = "# two\n---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: shop}\nstatus:\n  failed: 2\n  startTime: \"2026-11-24T02:00:00Z\"\n--- # next\napiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nmetadata: {name: other}\n---\nkind: Service\nmetadata:\n  name: api\n  namespace: shop\n...\n";
    let dump = Dump::read(&[("list.json", list), ("typed.json", typed), ("all.yaml", yaml)]);
    assert_eq!(problems(&dump), Vec::<String>::new());
    assert_eq!(
        names(&dump),
        ["Pod shop/a", "Deployment shop/api", "Pod shop/b", "Node n1", "Job shop/j", "Service shop/api"]
    );
    assert_eq!(dump.ignored, 2);
    assert_eq!(dump.newest(), "2026-11-24T02:00:00Z".parse().ok());
}

#[test]
fn garbage_is_named_by_file_document_and_item_and_the_rest_is_read() {
    let list = r#"{"kind":"List","items":[
        {"kind":"Pod","metadata":{"name":"a","namespace":"shop"},"status":{"containerStatuses":"none"}},
        7, {"kind":"Pod","metadata":{}}, {"metadata":{"name":"x"}}, {"kind":"Pod","metadata":{"name":"b"}}]}
        {"kind": "Pod", "metadata": {"na"#;
    let yaml = "kind: Pod\nmetadata: {name: c}\n---\nkind: Pod\n  metadata: : {\n---\nNo resources found in shop namespace.\n---\nkind: Pod\nmetadata: {name: d}\n---\nkind: PodList\nitems: 3\n";
    let dump = Dump::read(&[("list.json", list), ("pods.yaml", yaml), ("empty.yaml", "")]);
    assert_eq!(names(&dump), ["Pod b", "Pod c", "Pod d"]);
    insta::assert_snapshot!(problems(&dump).join("\n"), @r#"
    list.json, document 1, item 1: Pod shop/a: invalid type: string "none", expected a sequence
    list.json, document 1, item 2: not a Kubernetes object: a number
    list.json, document 1, item 3: Pod without `metadata.name`
    list.json, document 1, item 4: not a Kubernetes object: an object without `kind`
    list.json, document 2: not valid JSON: EOF while parsing a string at line 4 column 40
    pods.yaml, document 2: not valid YAML: mapping values are not allowed in this context at line 5, column 11
    pods.yaml, document 3: not a Kubernetes object: the text "No resources found in shop namespace."
    pods.yaml, document 5: PodList: `items` is not a list
    "#);
}

#[test]
fn the_newest_time_counts_heartbeats_but_no_annotations_and_no_deletion_to_come() {
    let node = r#"{"kind":"Node","metadata":{"name":"n","creationTimestamp":"2026-11-20T00:00:00Z",
        "deletionTimestamp":"2030-01-01T00:00:00Z","annotations":{"expiryTime":"2031-01-01T00:00:00Z"}},
        "status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"2026-11-24T01:00:00Z"}]}}"#;
    assert_eq!(Dump::read(&[("n", node)]).newest(), "2026-11-24T01:00:00Z".parse().ok());
    let event = r#"{"kind":"Event","metadata":{"name":"e"},"eventTime":"2026-11-24T02:00:00.123456Z",
        "series":{"count":2,"lastObservedTime":"2026-11-24T03:00:00.000001Z"}}"#;
    assert_eq!(Dump::read(&[("e", event)]).newest(), "2026-11-24T03:00:00.000001Z".parse().ok());
    assert_eq!(Dump::read(&[("e", "{}")]).newest(), None);
}

#[test]
fn text_of_other_encodings_is_read_and_bytes_are_refused_in_words() {
    let text = "kind: Node\nmetadata: {name: ü}\n";
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(names(&Dump::read_bytes("w", &wide)), ["Node ü"]);
    assert_eq!(names(&Dump::read_bytes("b", format!("\u{feff}{text}").as_bytes())), ["Node ü"]);
    let dump = Dump::read_bytes("picture.png", &[0x89, b'P', 0xff]);
    assert_eq!(problems(&dump), ["picture.png, document 1: not text: invalid utf-8 sequence of 1 bytes from index 0"]);
}

#[test]
fn a_folder_is_read_in_the_order_of_names_and_an_empty_one_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = Dump::load(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("has no *.json, *.yaml or *.yml file in it"), "{error}");
    for (name, text) in [
        ("b.yaml", "kind: Node\nmetadata: {name: b}"),
        ("a.json", r#"{"kind":"Node","metadata":{"name":"a"}}"#),
        ("c.log", "kind: Node\nmetadata: {name: c}"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    assert_eq!(names(&Dump::load(folder.path()).unwrap()), ["Node a", "Node b"]);
    assert!(Dump::load(&folder.path().join("missing.json")).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "([\\-:{}\\[\\]\"' \n#&*!|>a-z0-9.,%@`]|kind: Pod\n|---\n|items:|metadata: ){0,60}") {
        drop(Dump::read(&[("f", text)]));
    }
}

#[test]
fn a_null_inside_a_map_or_a_list_is_not_there() {
    let pod = r#"{"kind":"Pod","metadata":{"name":"a","namespace":"shop","labels":{"app":"api","old":null}},
        "spec":{"containers":[null,{"name":"app","resources":{"limits":{"memory":null,"cpu":"1"}}}]}}"#;
    let dump = Dump::read(&[("pod.json", pod)]);
    assert_eq!(problems(&dump), Vec::<String>::new());
    assert_eq!(dump.facts[0].meta().labels.keys().collect::<Vec<_>>(), ["app"]);
}
