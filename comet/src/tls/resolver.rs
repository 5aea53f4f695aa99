//! Choice of a certificate by the server name that a client asks for, and for a client that is an
//! ACME server.

use std::fmt;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Certificate;

/// Protocol of a client that verifies a name (RFC 8737, section 4).
pub(super) const ACME: &[u8] = b"acme-tls/1";

/// The certificates of one configuration; at least one.
#[derive(Debug)]
pub(super) struct Resolver {
    first: Certificate,
    others: Vec<Certificate>,
    challenges: Vec<(String, Certificate)>,
}

impl Resolver {
    /// `None` without a certificate.
    pub(super) fn new(
        certificates: Vec<Certificate>,
        challenges: Vec<(String, Certificate)>,
    ) -> Option<Self> {
        let mut certificates = certificates.into_iter();
        Some(Self { first: certificates.next()?, others: certificates.collect(), challenges })
    }

    fn choose(&self, name: Option<&str>) -> &Certificate {
        let name = name.map(str::to_ascii_lowercase).unwrap_or_default();
        let is_for = |it: &&Certificate| it.is_for(&name);
        let all = std::iter::once(&self.first).chain(&self.others);
        all.into_iter().find(is_for).unwrap_or(&self.first)
    }

    /// The certificate that proves a name; `None` if it is not to be proved now.
    fn challenge(&self, name: Option<&str>) -> Option<&Certificate> {
        let is_it = |known: &str| name.is_some_and(|name| name.eq_ignore_ascii_case(known));
        self.challenges.iter().find(|(known, _)| is_it(known)).map(|(_, certificate)| certificate)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        let is_acme = hello.alpn().is_some_and(|named| named.eq([ACME]));
        let chosen = if is_acme { self.challenge(name)? } else { self.choose(name) };
        Some(Arc::clone(&chosen.key))
    }
}

/// The resolver of the configuration that holds at the time of a handshake.
pub(super) struct Latest<F>(F);

impl<F: Fn() -> Arc<Resolver>> Latest<F> {
    pub(super) fn new(current: F) -> Self {
        Self(current)
    }
}

impl<F: Fn() -> Arc<Resolver> + Send + Sync> ResolvesServerCert for Latest<F> {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        (self.0)().resolve(hello)
    }
}

impl<F> fmt::Debug for Latest<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_for_a_name_is_chosen_and_else_the_first_of_all() {
        let certificates = [&["a.test"][..], &["*.test"], &["b.test"]].map(|names| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let made = rcgen::generate_simple_self_signed(names).unwrap();
            let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
            Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
        });
        assert!(Resolver::new(Vec::new(), Vec::new()).is_none());
        let challenges = vec![("b.test".to_owned(), certificates[1].clone())];
        let resolver = Resolver::new(certificates.to_vec(), challenges).unwrap();
        let chosen = |name| {
            let chosen = resolver.choose(name).leaf();
            certificates.iter().position(|it| it.leaf() == chosen)
        };
        assert_eq!(chosen(Some("A.test")), Some(0));
        assert_eq!(chosen(Some("b.test")), Some(1));
        assert_eq!(chosen(Some("other.example")), Some(0));
        assert_eq!(chosen(None), Some(0));
        let proves = |name| resolver.challenge(name).map(Certificate::leaf);
        assert_eq!(proves(Some("B.test")), Some(certificates[1].leaf()));
        assert_eq!(proves(Some("a.test")), None);
        assert_eq!(proves(None), None);
    }
}
