//! JSON Web Tokens with which vendors know this server: ES256 and RS256, signing only.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

/// Private key.
pub(crate) enum Signer {
    Es256(EcdsaKeyPair),
    Rs256(rsa::KeyPair),
}

/// The text is no private key of this kind, in PKCS #8 and PEM.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BadKey;

impl Signer {
    /// An elliptic curve key, P-256.
    pub(crate) fn es256(pem: &str) -> Result<Self, BadKey> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| BadKey)?;
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(kind, key.secret_pkcs8_der(), &SystemRandom::new());
        key.map(Self::Es256).map_err(|_| BadKey)
    }

    /// An RSA key of at least 2,048 bits.
    pub(crate) fn rs256(pem: &str) -> Result<Self, BadKey> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| BadKey)?;
        rsa::KeyPair::from_pkcs8(key.secret_pkcs8_der()).map(Self::Rs256).map_err(|_| BadKey)
    }

    /// A token with these claims, signed by the key with this id; `None` if the system has no
    /// randomness.
    pub(crate) fn token(&self, key_id: &str, claims: &Value) -> Option<String> {
        let header = json!({ "alg": self.algorithm(), "kid": key_id, "typ": "JWT" });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self.sign(signed.as_bytes())?;
        Some(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Rs256(_) => "RS256",
        }
    }

    fn sign(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(key) => Some(key.sign(&random, bytes).ok()?.as_ref().to_vec()),
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm())
    }
}
