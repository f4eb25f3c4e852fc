//! Untrusted text goes in; one line without secrets, control characters and excess length comes out.

/// Longest text a piece of evidence or a cause may have, in characters.
pub(crate) const LONGEST: usize = 300;

/// Words that make the value written after them a secret.
const SENSITIVE: [&str; 10] =
    ["password", "passwd", "pwd", "secret", "token", "api_key", "apikey", "api-key", "authorization", "private_key"];

/// Beginnings by which tokens of well-known services are recognised.
const TOKENS: [&str; 12] =
    ["ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xapp-", "sk-ant-", "sk-proj-", "AKIA", "eyJ"];

const MASK: &str = "***";

/// One line, secrets masked, at most [`LONGEST`] characters.
pub(crate) fn redact(text: &str) -> String {
    cap(&mask(text), LONGEST)
}

/// At most `longest` characters; what is cut is shown by an ellipsis.
pub(crate) fn cap(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(longest.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Masks secrets word by word; white space and control characters become single spaces.
fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut next_is_secret = false;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        let is_scheme = matches!(word.to_ascii_lowercase().as_str(), "bearer" | "basic");
        if next_is_secret && !is_scheme {
            out.push_str(MASK);
            next_is_secret = false;
            continue;
        }
        next_is_secret = is_scheme && (next_is_secret || word.eq_ignore_ascii_case("bearer"));
        for part in word.split_inclusive(['&', '?', ',', ';']) {
            let (shown, asks) = mask_part(part);
            out.push_str(&shown);
            next_is_secret |= asks;
        }
    }
    out
}

/// Masks one part of a word; the flag says that the secret is in the next word.
fn mask_part(part: &str) -> (String, bool) {
    if let Some((before, host)) = part.split_once("://").and_then(|(scheme, rest)| {
        let authority = rest.split('/').next().unwrap_or(rest);
        authority.rfind('@').and_then(|at| Some((scheme, rest.get(at..)?)))
    }) {
        return (format!("{before}://{MASK}{host}"), false);
    }
    if let Some(at) = part.find(['=', ':']) {
        let (key, rest) = part.split_at(at);
        let value = rest.get(1..).unwrap_or_default();
        let lower = key.to_ascii_lowercase();
        if !value.starts_with("//") && SENSITIVE.iter().any(|s| lower.trim_matches(['"', '\'', '\\']).ends_with(s)) {
            let sign = rest.get(..1).unwrap_or_default();
            if value.trim_matches(['"', '\'', '\\']).is_empty() {
                return (part.to_owned(), true);
            }
            let end = value.chars().last().filter(|c| "&?,;".contains(*c)).map(String::from).unwrap_or_default();
            return (format!("{key}{sign}{MASK}{end}"), false);
        }
    }
    let bare = part.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    if TOKENS.iter().any(|t| bare.starts_with(t) && bare.len() > t.len() + 8) {
        return (MASK.to_owned(), false);
    }
    (part.to_owned(), false)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("dial postgres://app:hunter2@db:5432/x failed", "dial postgres://***@db:5432/x failed")]
    #[case("PASSWORD=hunter2 rest", "PASSWORD=*** rest")]
    #[case(r#"{"token": "abc", "a":1}"#, r#"{"token": *** "a":1}"#)]
    #[case("GET /?api_key=abc&x=1", "GET /?api_key=***&x=1")]
    #[case("Authorization: Bearer abc.def", "Authorization: Bearer ***")]
    #[case("used ghp_0123456789abcdef here", "used *** here")]
    #[case(r#"secret "proxy-tls" not found"#, r#"secret "proxy-tls" not found"#)]
    #[case("couldn't find key password in Secret shop/db", "couldn't find key password in Secret shop/db")]
    #[case("line one\nline\ttwo\u{1b}[31m", "line one line two [31m")]
    fn secrets_are_masked_and_the_rest_stays(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(redact(text), shown);
    }

    #[test]
    fn long_text_is_cut() {
        let shown = redact(&"ä".repeat(1000));
        assert_eq!(shown.chars().count(), LONGEST);
        assert!(shown.ends_with('…'));
    }
}
