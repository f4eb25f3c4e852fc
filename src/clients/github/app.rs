//! The key of a GitHub App and the time go in; a signed token comes out, by which GitHub gives a token for an hour.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::{rand::SystemRandom, rsa::KeyPair, signature};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::error::GitHubError;

/// GitHub's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_mins(1);
/// GitHub takes at most ten minutes.
const SIGNED_FOR: SignedDuration = SignedDuration::from_mins(9);
/// A token is renewed so long before it ends.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// A GitHub App as it is installed for an organisation or a person.
pub struct App {
    /// App id or client id.
    id: String,
    /// The installation's number.
    pub(super) installation: u64,
    key: KeyPair,
}

/// A token for an installation.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct InstallationToken {
    pub(super) token: SecretString,
    pub(super) expires_at: Timestamp,
}

impl InstallationToken {
    /// Whether it can be used for a while.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.expires_at.duration_since(now) > RENEWED_BEFORE
    }
}

impl App {
    /// From the app's id (or client id), the installation's number and the private key as GitHub gave it (PEM, RSA).
    ///
    /// # Errors
    /// [`GitHubError::Setup`] if the key is none; the text shows nothing of it.
    #[expect(clippy::needless_pass_by_value, reason = "the caller gives the secret away")]
    pub fn new(id: &str, installation: u64, private_key: SecretString) -> Result<Self, GitHubError> {
        let bad = |why: &str| {
            GitHubError::Setup(format!(
                "the private key of GitHub App {id} is not one ({why}): give the whole .pem file that GitHub made, from -----BEGIN to -----END"
            ))
        };
        let id = id.trim();
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.') {
            return Err(GitHubError::Setup(format!(
                "`{id}` is no app id: it is on the settings page of the GitHub App"
            )));
        }
        // A key in an environment variable may have its line breaks written out.
        let pem = private_key.expose_secret().replace("\\n", "\n");
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| bad("not PEM"))?;
        let key = match &der {
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Sec1(_) | _ => return Err(bad("another kind of key")),
        };
        let key = key.map_err(|why| bad(&format!("not RSA: {why}")))?;
        Ok(Self { id: id.to_owned(), installation, key })
    }

    /// What proves for some minutes that we hold the key (RS256).
    pub(super) fn signed(&self, now: Timestamp) -> Result<SecretString, GitHubError> {
        let second = |by: SignedDuration| now.checked_add(by).unwrap_or(now).as_second();
        let head = json!({"alg": "RS256", "typ": "JWT"});
        let claims = json!({"iat": second(-SKEW), "exp": second(SIGNED_FOR), "iss": self.id});
        let encode = |text: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(text);
        let text = format!("{}.{}", encode(head.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let mut signed = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signed)
            .map_err(|_| GitHubError::Setup(format!("the private key of GitHub App {} cannot sign", self.id)))?;
        Ok(format!("{text}.{}", encode(&signed)).into())
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("id", &self.id).field("installation", &self.installation).finish_non_exhaustive()
    }
}
