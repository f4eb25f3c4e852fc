//! Any bytes as an answer of the API, whole or cut anywhere: lists, objects and watch frames in both encodings.
#![no_main]

use k8s_monitor::{clients::kubernetes::decoded, cluster::Kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, bool, u8, &[u8])| {
    let (kind, is_protobuf, cut, bytes) = input;
    let kind = Kind::ALL[usize::from(kind) % Kind::ALL.len()];
    let content_type = if is_protobuf { "application/vnd.kubernetes.protobuf" } else { "application/json" };
    decoded::list(kind, content_type, bytes).ok();
    // With its envelope most bytes get further.
    let enveloped = [&b"k8s\0\x12"[..], &[u8::try_from(bytes.len().min(127)).unwrap()], &bytes[..bytes.len().min(127)]].concat();
    decoded::list(kind, content_type, &enveloped).ok();
    let chunk = usize::from(cut).max(1);
    let whole = decoded::frames(kind, content_type, bytes.chunks(usize::MAX));
    let cut = decoded::frames(kind, content_type, bytes.chunks(chunk));
    assert_eq!(whole, cut, "the same however it is cut");
});
