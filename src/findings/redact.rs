//! Untrusted text goes in; one line without secrets, control characters and excess length comes out.

use std::borrow::Cow;

/// Longest text a piece of evidence or a cause may have, in characters.
pub(crate) const LONGEST: usize = 300;

/// Parts of the name of a setting that make its value a secret; in running text they are words like others.
const SENSITIVE_PARTS: [&str; 14] = [
    "key",
    "keys",
    "auth",
    "pass",
    "pin",
    "salt",
    "jwt",
    "cred",
    "creds",
    "credential",
    "credentials",
    "cookie",
    "webhook",
    "dsn",
];

/// Ends of the name of a setting that only says where a secret is.
const PLACES: [&str; 4] = ["file", "path", "dir", "name"];

/// Words that make the value written after them a secret.
const SENSITIVE: [&str; 18] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "accesskey",
    "secret_key",
    "secretkey",
    "secretaccesskey",
    "account_key",
    "accountkey",
    "authorization",
    "private_key",
];

/// Beginnings by which tokens of well-known services are recognised.
const TOKENS: [&str; 14] = [
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "sk-ant-",
    "sk-proj-",
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
];

/// A word of letters, digits and `+/` so long, with everything in it, is a key; nobody reads it anyway.
const KEY: usize = 40;

/// What is shown in place of a secret.
pub(crate) const MASK: &str = "***";
const QUOTES: [char; 3] = ['"', '\'', '\\'];

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

/// What the words so far say of the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Nothing.
    Plain,
    /// It is a secret if it is an equals sign or a colon with something behind it.
    Named,
    /// It is a secret.
    Secret,
    /// It goes on with a secret that began with this quote.
    Quoted(char),
}

/// Whether a setting with this name and value must not be shown: by the name, or by what the value looks like.
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    if matches!(value, "" | "true" | "false") {
        return false;
    }
    if is_sensitive(name) || value.contains("-----BEGIN") || is_random(value) {
        return true;
    }
    let name = name.to_ascii_lowercase();
    let is_number = value.len() <= 6 && value.bytes().all(|b| b.is_ascii_digit());
    let says_secret = SENSITIVE.iter().any(|word| name.contains(word))
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| SENSITIVE_PARTS.contains(&part));
    says_secret && !is_number && !PLACES.iter().any(|end| name.ends_with(end))
}

/// Whether a value is one word that nobody would think of: shorter than a key in running text, as it is all there is.
fn is_random(value: &str) -> bool {
    let has = |of: fn(&u8) -> bool| value.as_bytes().iter().filter(|b| of(b)).count() >= 2;
    value.len() >= 20
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b))
        && !value.starts_with('/')
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
}

/// Masks secrets word by word; white space and control characters become single spaces.
pub(crate) fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let mut next = Next::Plain;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        if let Next::Quoted(quote) = next {
            // It was masked when it began.
            if word.contains(quote) {
                next = Next::Plain;
            }
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        let is_bearer = word.eq_ignore_ascii_case("bearer");
        let is_scheme = is_bearer || word.eq_ignore_ascii_case("basic");
        if next == Next::Secret && !is_scheme {
            out.push_str(MASK);
            next = opened(word);
            continue;
        }
        if next == Next::Named && matches!(word, "=" | ":" | "=>" | ":=") {
            out.push_str(word);
            next = Next::Secret;
            continue;
        }
        let bare = word.trim_matches(QUOTES);
        if bare.eq_ignore_ascii_case("cookie:") || bare.eq_ignore_ascii_case("set-cookie:") {
            // All of its parts are secret.
            return format!("{out}{word} {MASK}");
        }
        if is_bearer || (is_scheme && next == Next::Secret) {
            out.push_str(word);
            next = Next::Secret;
            continue;
        }
        next = mask_word(word, &mut out);
    }
    out
}

fn mask_word(word: &str, out: &mut String) -> Next {
    let word = without_credentials(word);
    let mut next = if word.starts_with("--") && is_sensitive(&word) {
        Next::Secret
    } else if is_sensitive(&word) {
        Next::Named
    } else {
        Next::Plain
    };
    for part in word.split_inclusive(['&', '?', ',', ';']) {
        let (shown, of_next) = mask_part(part);
        out.push_str(&shown);
        if of_next != Next::Plain {
            next = of_next;
        }
    }
    next
}

/// A word without what stands before the `@` of its addresses.
fn without_credentials(word: &str) -> Cow<'_, str> {
    if !word.contains("://") {
        return Cow::Borrowed(word);
    }
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((scheme, after)) = rest.split_once("://") {
        out.push_str(scheme);
        out.push_str("://");
        let authority = after.split(['/', '"', '<', '>']).next().unwrap_or(after);
        match authority.rfind('@').and_then(|at| after.get(at..)) {
            Some(host) => {
                out.push_str(MASK);
                rest = host;
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Whether a name is one of a secret.
pub(crate) fn is_sensitive(name: &str) -> bool {
    let name = name.trim_end_matches(QUOTES).as_bytes();
    let ends_with = |word: &str| {
        let from = name.len().checked_sub(word.len());
        from.and_then(|from| name.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(word.as_bytes()))
    };
    SENSITIVE.iter().any(|word| ends_with(word))
}

/// What a secret that begins with this word says of the next word: it goes on if it is in quotes that are not closed.
fn opened(value: &str) -> Next {
    let value = value.trim_start_matches('\\');
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) if !value.get(1..).unwrap_or_default().contains(quote) => Next::Quoted(quote),
        _ => Next::Plain,
    }
}

/// Masks one part of a word, and says what follows from it for the next word.
fn mask_part(part: &str) -> (String, Next) {
    for (at, sign) in part.match_indices(['=', ':']) {
        let (key, value) = (part.get(..at).unwrap_or_default(), part.get(at.saturating_add(1)..).unwrap_or_default());
        if value.starts_with("//") || !is_sensitive(key) {
            continue;
        }
        if value.trim_matches(QUOTES).is_empty() {
            return match opened(value) {
                Next::Plain => (part.to_owned(), if value.is_empty() { Next::Secret } else { Next::Plain }),
                next @ (Next::Named | Next::Secret | Next::Quoted(_)) => (format!("{part}{MASK}"), next),
            };
        }
        let end = value.chars().last().filter(|c| "&?,;".contains(*c)).map(String::from).unwrap_or_default();
        return (format!("{key}{sign}{MASK}{end}"), opened(value));
    }
    (without_tokens(part), Next::Plain)
}

/// Without what looks like a token or a key, wherever it stands.
fn without_tokens(part: &str) -> String {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "_-./+=".contains(c);
    let mut out = String::with_capacity(part.len());
    for piece in part.split_inclusive(|c: char| !is_inside(c)) {
        let run = piece.trim_end_matches(|c: char| !is_inside(c));
        // What is before an equals sign is a name.
        let (name, value) = match run.trim_end_matches('=').rfind('=') {
            Some(at) => run.split_at(at.saturating_add(1)),
            None => ("", run),
        };
        let bare = value.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_token = TOKENS.iter().any(|t| bare.starts_with(t) && bare.len() > t.len() + 8) || is_key(value);
        out.push_str(name);
        out.push_str(if is_token { MASK } else { value });
        out.push_str(piece.get(run.len()..).unwrap_or_default());
    }
    out
}

/// Whether a word is nothing but a key in Base64. Names of files and classes, and sums in hexadecimal, are none.
fn is_key(word: &str) -> bool {
    let has = |of: fn(&u8) -> bool| word.as_bytes().iter().any(of);
    word.len() >= KEY
        && !word.starts_with('/')
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
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

    #[rstest]
    #[case("DB_PASSWORD", "1234", true)]
    #[case("SIGNING_KEY", "abc", true)]
    #[case("spring.jwt.salt", "abc", true)]
    #[case("VALUE", "q8ZrT2mWv9KpL4xY7sNb", true)]
    #[case("TLS", "-----BEGIN PRIVATE KEY-----", true)]
    #[case::a_number_about_a_secret("MAX_TOKENS", "1000", false)]
    #[case::where_it_is("PASSWORD_FILE", "/run/secrets/db", false)]
    #[case::a_switch("automountServiceAccountToken", "false", false)]
    #[case::a_commit("COMMIT", "3ed62bb3af55e48f1b0b5b1c0e7b8d2f9c1a7e64", false)]
    #[case("LOG_LEVEL", "debug", false)]
    fn a_setting_is_hidden_by_its_name_or_value(#[case] name: &str, #[case] value: &str, #[case] hidden: bool) {
        assert_eq!(is_secret(name, value), hidden);
    }

    #[test]
    fn long_text_is_cut() {
        let shown = redact(&"ä".repeat(1000));
        assert_eq!(shown.chars().count(), LONGEST);
        assert!(shown.ends_with('…'));
    }
}
