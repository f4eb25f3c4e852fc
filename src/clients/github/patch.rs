//! The name of a file and its raw patch go in; what may be read of it comes out: nothing of secrets, line by line redacted, capped.

use crate::{
    changes::deployed::{Patch, Withheld},
    findings::{is_sensitive, redact},
};

/// Longest patch of a file, in characters.
const LONGEST: usize = 8_000;
/// Ends of names that are keys, passwords or state.
const ENDS: [&str; 19] = [
    ".env",
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".kdbx",
    ".ppk",
    ".asc",
    ".gpg",
    ".age",
    ".kubeconfig",
    ".tfstate",
    ".tfstate.backup",
    ".htpasswd",
    ".netrc",
    ".pgpass",
    ".npmrc",
];
/// What a name of such a file holds.
const PARTS: [&str; 5] = ["secret", "credential", "passwd", "password", "kubeconfig"];
/// Names of such files.
const NAMES: [&str; 7] =
    ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "authorized_keys", ".dockercfg", ".dockerconfigjson"];
/// Stands for what is not shown.
const MASK: &str = "***";

/// Whether a file is one for secrets, by its name or that of a folder it is in.
pub(super) fn is_for_secrets(path: &str) -> bool {
    path.to_ascii_lowercase().split('/').any(|part| {
        part.starts_with(".env.")
            || part == ".envrc"
            || NAMES.contains(&part)
            || ENDS.iter().any(|end| part.ends_with(end))
            || PARTS.iter().any(|word| part.contains(word))
            || (part.contains(".tfvars") && !part.ends_with(".example"))
    })
}

/// What may be read of a patch. `path` and `previous` are the file's names.
pub(super) fn readable(path: &str, previous: Option<&str>, raw: Option<&str>) -> Patch {
    if is_for_secrets(path) || previous.is_some_and(is_for_secrets) {
        return Patch::Withheld(Withheld::SecretByName);
    }
    let Some(raw) = raw else { return Patch::NotGiven };
    if raw.lines().any(is_kind_secret) {
        return Patch::Withheld(Withheld::SecretByKind);
    }
    let mut text = String::new();
    let mut left = LONGEST;
    let mut reader = Reader::default();
    for line in raw.lines() {
        let line = reader.read(line);
        let length = line.chars().count().saturating_add(1);
        let Some(rest) = left.checked_sub(length) else { return Patch::Cut(text) };
        left = rest;
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    Patch::Whole(text)
}

/// `kind: Secret` or `stringData:`, wherever it stands; also where a hunk is said to be (`@@ -7 +7 @@ stringData:`).
fn is_kind_secret(line: &str) -> bool {
    let line = line.rsplit_once("@@").map_or(line, |(_, section)| section);
    let line = line.trim_start_matches(['+', '-', ' ', '\t', '"']);
    if line.starts_with("stringData") {
        return true;
    }
    line.strip_prefix("kind").is_some_and(|rest| {
        let value = rest.trim_start_matches(['"', ':', ' ', '=']);
        rest != value && value.trim_end_matches([',', '"', '\'', ' ']).trim_start_matches('\'') == "Secret"
    })
}

/// What the lines so far say of the next one.
#[derive(Debug, Default)]
struct Reader {
    /// It is part of a key or a certificate.
    in_key: bool,
    /// Everything deeper than this is part of a secret.
    below: Option<usize>,
    /// A `value:` that follows is a secret.
    named: bool,
}

impl Reader {
    fn read(&mut self, line: &str) -> String {
        if line.starts_with("@@") {
            *self = Self::default();
            return redact(line);
        }
        let (sign, rest) = match line.chars().next() {
            Some(sign @ ('+' | '-' | ' ')) => (sign, line.get(1..).unwrap_or_default()),
            _ => (' ', line),
        };
        let trimmed = rest.trim_start();
        let indent = rest.len().saturating_sub(trimmed.len());
        let shown = self.shown(trimmed, indent);
        format!("{sign}{}{shown}", " ".repeat(indent.min(40)))
    }

    fn shown(&mut self, line: &str, indent: usize) -> String {
        let (begins, ends) = (line.contains("-----BEGIN "), line.contains("-----END "));
        if begins || ends || self.in_key {
            self.in_key = !ends;
            return MASK.to_owned();
        }
        if self.below.is_some_and(|above| line.is_empty() || indent > above) {
            return if line.is_empty() { String::new() } else { MASK.to_owned() };
        }
        self.below = None;
        let Some((key, value)) = line.split_once(':') else { return redact(line) };
        let key = key.trim().trim_start_matches("- ").trim_matches(['"', '\'']);
        let value = value.trim();
        // An entry of `env`: its name says what its value is, before and after.
        if key == "name" {
            self.named = is_sensitive(value.trim_matches(['"', '\'']));
        }
        let is_secret = is_sensitive(key) || (self.named && key == "value");
        if !is_secret {
            return redact(line);
        }
        if value.is_empty() || value.starts_with(['|', '>']) {
            self.below = Some(indent);
        }
        let head = redact(line.split(':').next().unwrap_or_default());
        if value.is_empty() { format!("{head}:") } else { format!("{head}: {MASK}") }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("certs/tls.key", true)]
    #[case("deploy/.env.production", true)]
    #[case("app/prod.env", true)]
    #[case("base-apps/api-secrets.yaml", true)]
    #[case("secrets/api/values.yaml", true)]
    #[case("home/.ssh/id_rsa", true)]
    #[case("infra/terraform.tfstate.backup", true)]
    #[case("infra/prod.tfvars", true)]
    #[case("infra/prod.tfvars.example", false)]
    #[case("base-apps/api.yaml", false)]
    #[case("src/keyboard.rs", false)]
    fn files_for_secrets_are_known_by_their_names(#[case] path: &str, #[case] is_one: bool) {
        assert_eq!(is_for_secrets(path), is_one);
    }

    #[rstest]
    #[case::nothing_secret(
        "@@ -1,2 +1,2 @@ spec:\n-    memory: 512Mi\n+    memory: 256Mi",
        "@@ -1,2 +1,2 @@ spec:\n-    memory: 512Mi\n+    memory: 256Mi"
    )]
    #[case::a_key(
        "+ca: |\n+-----BEGIN CERTIFICATE-----\n+MIIEvQ\n+-----END CERTIFICATE-----\n+port: 1",
        "+ca: |\n+***\n+***\n+***\n+port: 1"
    )]
    #[case::a_block(
        "+  password: |\n+    hunter2\n+\n+    hunter3\n+  port: 1",
        "+  password: ***\n+    ***\n+\n+    ***\n+  port: 1"
    )]
    #[case::an_entry_of_env(
        "       - name: DB_PASSWORD\n-        value: hunter2\n+        value: hunter3\n       - name: PORT\n         value: \"80\"",
        "       - name: DB_PASSWORD\n-        value: ***\n+        value: ***\n       - name: PORT\n         value: \"80\""
    )]
    #[case::a_reference(
        "+  - name: TOKEN\n+    valueFrom:\n+      secretKeyRef:\n+        name: api\n+        key: token",
        "+  - name: TOKEN\n+    valueFrom:\n+      secretKeyRef:\n+        name: api\n+        key: token"
    )]
    #[case::in_code("+let url = \"postgres://app:hunter2@db/x\";", "+let url = \"postgres://***@db/x\";")]
    fn lines_are_redacted_and_keep_their_place(#[case] raw: &str, #[case] shown: &str) {
        assert_eq!(readable("base-apps/api.yaml", None, Some(raw)), Patch::Whole(shown.to_owned()));
    }

    #[rstest]
    #[case("@@ -1 +1 @@\n kind: Secret\n+  a: b")]
    #[case("+  \"kind\": \"Secret\",")]
    #[case("@@ -7 +7 @@ stringData:\n-  DB_PASS: hunter2\n+  DB_PASS: hunter3")]
    fn a_secret_of_kubernetes_is_not_read(#[case] raw: &str) {
        assert_eq!(readable("base-apps/api.yaml", None, Some(raw)), Patch::Withheld(Withheld::SecretByKind));
    }

    #[test]
    fn a_long_patch_is_cut_at_a_line() {
        let raw = "+a line of code\n".repeat(1000);
        let Patch::Cut(text) = readable("src/main.rs", None, Some(&raw)) else { panic!("not cut") };
        assert_eq!((text.chars().count(), text.lines().last()), (7999, Some("+a line of code")));
    }

    #[test]
    fn a_file_that_was_one_for_secrets_stays_one() {
        assert_eq!(readable("a.yaml", Some("secret.yaml"), Some("+x")), Patch::Withheld(Withheld::SecretByName));
        assert_eq!(readable("logo.png", None, None), Patch::NotGiven);
    }
}
