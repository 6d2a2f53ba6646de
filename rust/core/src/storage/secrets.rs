//! What requests are signed with. Nothing here shows a secret.

use std::fmt;

use object_store::aws::AwsCredential;
use object_store::gcp::GcpCredential;

use crate::error::{Error, Kind, Result};

/// What a source of credentials gives.
pub trait Secret: Send + Sync + Sized + 'static {
    /// What the client of the store signs with.
    type Signer: fmt::Debug + Send + Sync + 'static;

    /// When it runs out, in seconds since 1970; `None` = never, or unknown.
    fn expires_unix(&self) -> Option<f64>;

    /// Refuses what cannot be sent: a line break, say, that came along when a key was copied.
    ///
    /// # Errors
    /// [`Kind::Authentication`], without the value.
    fn check(&self) -> Result<()>;

    /// Whether it is what `signer` was made of.
    fn made(&self, signer: &Self::Signer) -> bool;

    /// Becomes what requests are signed with.
    fn into_signer(self) -> Self::Signer;
}

/// An AWS access key with its secret. Has no `Debug` that shows them.
#[derive(Clone, PartialEq)]
pub struct AwsSecret {
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
    /// When they run out, in seconds since 1970; `None` = never, or unknown.
    pub expires_unix: Option<f64>,
}

/// An access token of Google Cloud. Has no `Debug` that shows it.
#[derive(Clone, PartialEq)]
pub struct GcsSecret {
    /// The OAuth 2.0 access token.
    pub access_token: String,
    /// When it runs out, in seconds since 1970; `None` = never, or unknown.
    pub expires_unix: Option<f64>,
}

/// Whether a text can stand in the header that signs a request.
pub(super) fn fits_header(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn unusable(what: &str) -> Error {
    let message = format!("the {what} has a line break or another character that no key has");
    Error::new(Kind::Authentication, message)
        .with_hint("check how it was copied: often there is a line break at its end")
}

impl Secret for AwsSecret {
    type Signer = AwsCredential;

    fn expires_unix(&self) -> Option<f64> {
        self.expires_unix
    }

    fn check(&self) -> Result<()> {
        if !fits_header(&self.access_key) {
            Err(unusable("access key id"))
        } else if self.secret_key.contains(char::is_control) {
            Err(unusable("secret access key"))
        } else if !fits_header(self.session_token.as_deref().unwrap_or_default()) {
            Err(unusable("session token"))
        } else {
            Ok(())
        }
    }

    fn made(&self, signer: &AwsCredential) -> bool {
        signer.key_id == self.access_key
            && signer.secret_key == self.secret_key
            && signer.token == self.session_token
    }

    fn into_signer(self) -> AwsCredential {
        AwsCredential {
            key_id: self.access_key,
            secret_key: self.secret_key,
            token: self.session_token,
        }
    }
}

impl Secret for GcsSecret {
    type Signer = GcpCredential;

    fn expires_unix(&self) -> Option<f64> {
        self.expires_unix
    }

    fn check(&self) -> Result<()> {
        if fits_header(&self.access_token) { Ok(()) } else { Err(unusable("access token")) }
    }

    fn made(&self, signer: &GcpCredential) -> bool {
        signer.bearer == self.access_token
    }

    fn into_signer(self) -> GcpCredential {
        GcpCredential { bearer: self.access_token }
    }
}

impl fmt::Debug for AwsSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSecret").finish_non_exhaustive()
    }
}

impl fmt::Debug for GcsSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcsSecret").finish_non_exhaustive()
    }
}
