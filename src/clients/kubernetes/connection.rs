//! The client and the credentials it was made with: a token that was rotated is read anew when the old one is refused.

use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};

/// A client that is replaced when its token file has another content.
pub(super) struct Connection {
    config: kube::Config,
    held: RwLock<Arc<Held>>,
}

/// A client, with the token that was in the file when it was made.
pub(super) struct Held {
    pub(super) client: kube::Client,
    token: Option<SecretString>,
}

impl Connection {
    pub(super) fn new(config: kube::Config) -> kube::Result<Self> {
        let token = config.auth_info.token_file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let held = Held { client: kube::Client::try_from(config.clone())?, token: token.map(SecretString::from) };
        Ok(Self { config, held: RwLock::new(Arc::new(held)) })
    }

    /// The client to use.
    pub(super) fn now(&self) -> Arc<Held> {
        // Nothing panics while it is held, and a plain value cannot be half written.
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another client than the one that was refused, if there is another token by now. The client itself looks at the file once
    /// a minute, which would be a minute of blindness.
    pub(super) async fn renewed(&self, refused: &Arc<Held>) -> Option<Arc<Held>> {
        let token = tokio::fs::read_to_string(self.config.auth_info.token_file.as_ref()?).await.ok()?;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&held, refused) {
            if refused.token.as_ref().is_some_and(|old| old.expose_secret() == token) {
                return None;
            }
            let client = kube::Client::try_from(self.config.clone()).ok()?;
            tracing::info!("the token was rotated: the new one is used");
            *held = Arc::new(Held { client, token: Some(token.into()) });
        }
        Some(Arc::clone(&held))
    }
}
