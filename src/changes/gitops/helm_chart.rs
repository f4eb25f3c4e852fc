//! A `HelmChart` of K3s comes in; which chart it installs, in which version since when, comes out.

use serde_json::Value;

use super::{Applied, Failure, Source, list, repository::without_credentials, shown, text};
use crate::{changes::actor, findings::redact};

pub(super) fn read(object: &Value, nothing: Source) -> Source {
    let version = text(object, "/spec/version");
    // It keeps no history: when it was changed last is when that was installed.
    let changed = actor(object, &["spec"]).and_then(|by| by.at);
    let failed = list(object, "/status/conditions")
        .find(|it| text(it, "/type") == Some("Failed") && text(it, "/status") == Some("True"));
    let why = |it: &Value| redact(text(it, "/message").or_else(|| text(it, "/reason")).unwrap_or("its Job failed"));
    Source {
        repository: text(object, "/spec/repo").or_else(|| text(object, "/spec/chart")).map(without_credentials),
        target: shown(object, "/spec/version"),
        applied: version.zip(changed).map(|(version, at)| Applied::new(version, at)).into_iter().collect(),
        failure: failed.map(|it| Failure { at: None, message: why(it) }),
        ..nothing
    }
}
