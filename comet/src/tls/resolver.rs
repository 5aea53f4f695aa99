//! Choice of a certificate by the server name that a client asks for.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Certificate;

/// The certificates of one configuration; at least one.
#[derive(Debug)]
pub(super) struct Resolver {
    first: Certificate,
    others: Vec<Certificate>,
}

impl Resolver {
    /// `None` without a certificate.
    pub(super) fn new(certificates: Vec<Certificate>) -> Option<Self> {
        let mut certificates = certificates.into_iter();
        Some(Self { first: certificates.next()?, others: certificates.collect() })
    }

    fn choose(&self, name: Option<&str>) -> &Certificate {
        let name = name.map(str::to_ascii_lowercase).unwrap_or_default();
        let is_for = |it: &&Certificate| it.is_for(&name);
        let all = std::iter::once(&self.first).chain(&self.others);
        all.into_iter().find(is_for).unwrap_or(&self.first)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.choose(hello.server_name()).key))
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
        assert!(Resolver::new(Vec::new()).is_none());
        let resolver = Resolver::new(certificates.to_vec()).unwrap();
        let chosen = |name| {
            let chosen = resolver.choose(name).leaf();
            certificates.iter().position(|it| it.leaf() == chosen)
        };
        assert_eq!(chosen(Some("A.test")), Some(0));
        assert_eq!(chosen(Some("b.test")), Some(1));
        assert_eq!(chosen(Some("other.example")), Some(0));
        assert_eq!(chosen(None), Some(0));
    }
}
