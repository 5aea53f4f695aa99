//! TLS of listeners: certificates, client roots, tickets, and the swap of all that while sessions
//! go on.
//!
//! Not here: records and handshakes of a connection (`shard/transport/tls`).

mod certificate;
mod client;
mod der;
mod error;
mod resolver;
mod tickets;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::CipherSuite;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, ServerConfig};

pub use certificate::Certificate;
pub use client::{ClientAuth, ClientCertificate, Roots};
pub use error::TlsError;

use resolver::{ACME, Latest, Resolver};
use tickets::Ticketer;

/// Protocols that a client may name by ALPN on a port of sessions.
const PROTOCOLS: [&[u8]; 2] = [b"comet", b"http/1.1"];

/// The preferred protocol of a port with a server of HTTP/2.
const HTTP2: &[u8] = b"h2";

/// Tickets that a TLS 1.3 client gets after a full handshake. One is enough for one session to come
/// back, and the client asks for none in particular.
const TICKETS: usize = 1;

/// TLS of listeners: given to [`Listen::tls`](crate::Listen::tls), and kept to
/// [`reload`](Self::reload) certificates. A cheap handle: clones are one.
///
/// TLS 1.3 and 1.2 with the cipher suites of rustls that have forward secrecy. A client that names
/// protocols by ALPN has to name `comet` or `http/1.1`, or `h2` [where it is
/// served](Self::with_http2), else it is refused by the alert `no_application_protocol` (RFC 7301,
/// section 3.2). There is no early data, no renegotiation and
/// no compression.
///
/// A session takes some 4 KiB of memory more than a plain one; a handshake under way the same, and
/// up to [`handshake.max_hello`](crate::HandshakeConfig::max_hello) of input.
#[derive(Clone)]
pub struct Tls {
    shared: Arc<Shared>,
    has_http2: bool,
}

struct Shared {
    provider: Arc<CryptoProvider>,
    /// Read once for each handshake, written by a reload: a lock is cheap beside either.
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// The same with HTTP/2.
    http2: Arc<ServerConfig>,
    resolver: Arc<Resolver>,
    client: ClientAuth,
    tickets: Arc<Ticketer>,
}

/// Certificates, client roots and tickets of a [`Tls`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsConfig {
    /// Chosen by the server name that the client asks for (RFC 6066, section 3): the first that is
    /// for it, else the first of all. At least one.
    pub certificates: Vec<Certificate>,
    /// Certificates that clients are asked for. Default: none.
    pub client: ClientAuth,
    /// Life of a key that session tickets are sealed with. Default 6 hours; a ticket is taken for
    /// at least this long, and for twice as long at most. Not changed by a reload.
    ///
    /// Tickets hold the state that would else be kept here (RFC 8446, section 4.6.1; RFC 5077). The
    /// key is made at the start and known to nobody else.
    pub ticket_rotation: Duration,
    /// Names to be proved to an ACME server (TLS-ALPN-01, RFC 8737), each with the certificate that
    /// proves it. It is shown to a client that names the protocol `acme-tls/1` and nothing else by
    /// ALPN; such a connection carries no session. Default: none, and `acme-tls/1` is refused.
    pub challenges: Vec<(String, Certificate)>,
}

impl TlsConfig {
    /// With this certificate for whatever name a client asks for.
    #[must_use]
    pub fn new(certificate: Certificate) -> Self {
        Self {
            certificates: vec![certificate],
            client: ClientAuth::None,
            ticket_rotation: Duration::from_secs(6 * 60 * 60),
            challenges: Vec::new(),
        }
    }

    /// Adds one of the [`challenges`](Self#structfield.challenges).
    #[must_use]
    pub fn challenge(mut self, name: impl Into<String>, certificate: Certificate) -> Self {
        self.challenges.push((name.into(), certificate));
        self
    }

    /// Adds a certificate for clients that ask for one of its names.
    #[must_use]
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificates.push(certificate);
        self
    }

    /// Sets [`client`](Self#structfield.client).
    #[must_use]
    pub fn client(mut self, client: ClientAuth) -> Self {
        self.client = client;
        self
    }

    /// Sets [`ticket_rotation`](Self#structfield.ticket_rotation).
    #[must_use]
    pub fn ticket_rotation(mut self, period: Duration) -> Self {
        self.ticket_rotation = period;
        self
    }
}

impl Tls {
    /// TLS with these certificates.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: there is no certificate, the rotation is shorter than a second, or the system
    /// has no random numbers.
    pub fn new(config: TlsConfig) -> Result<Self, TlsError> {
        let mut provider = rustls::crypto::ring::default_provider();
        // The cheapest first; none is weak.
        provider.cipher_suites.sort_by_key(|it| !is_aes_128(it.suite()));
        let provider = Arc::new(provider);
        let tickets = Arc::new(Ticketer::new(config.ticket_rotation)?);
        let current = Mutex::new(Current::new(&provider, tickets, config)?);
        Ok(Self { shared: Arc::new(Shared { provider, current }), has_http2: false })
    }

    /// The same TLS for a port that serves HTTP/2: clients may name `h2` by ALPN too, which is
    /// preferred. For listeners with a [handler of HTTP](crate::Listen::http) that speaks it, and
    /// for [`tokio::accept_tls`](crate::tokio::accept_tls).
    #[must_use]
    pub fn with_http2(&self) -> Self {
        Self { has_http2: true, ..self.clone() }
    }

    pub(crate) fn has_http2(&self) -> bool {
        self.has_http2
    }

    /// The choice of a certificate by the server name, for another server by rustls, such as one of
    /// QUIC: it follows each [`reload`](Self::reload).
    #[must_use]
    pub fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        let shared = Arc::clone(&self.shared);
        Arc::new(Latest::new(move || {
            let current = shared.current.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&current.resolver)
        }))
    }

    /// Replaces certificates, keys and client roots for handshakes that begin from now on. Sessions
    /// are not touched.
    ///
    /// Clients resume by their tickets across it, unless client certificates are asked for in
    /// another way or have other roots: then all tickets are void.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new); everything stays as it was.
    pub fn reload(&self, config: TlsConfig) -> Result<(), TlsError> {
        let mut current = self.lock();
        let tickets = match current.client.is_same(&config.client) {
            true => Arc::clone(&current.tickets),
            // A ticket stands for a client that was verified by the rules of its time.
            false => Arc::new(current.tickets.anew()?),
        };
        *current = Current::new(&self.shared.provider, tickets, config)?;
        Ok(())
    }

    /// Seals tickets with another key from now on, and takes those of the key before. Called twice,
    /// it voids all tickets that were given out before.
    pub fn rotate_tickets(&self) {
        self.lock().tickets.rotate();
    }

    /// The configuration of a handshake that begins now.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        let current = self.lock();
        Arc::clone(if self.has_http2 { &current.http2 } else { &current.config })
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.shared.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Current {
    fn new(
        provider: &Arc<CryptoProvider>,
        tickets: Arc<Ticketer>,
        config: TlsConfig,
    ) -> Result<Self, TlsError> {
        let has_challenges = !config.challenges.is_empty();
        let resolver = Resolver::new(config.certificates, config.challenges);
        let resolver = Arc::new(resolver.ok_or(TlsError::NoCertificate)?);
        let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Rustls)?;
        let builder = match config.client.verifier(provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut server = builder.with_cert_resolver(Arc::<Resolver>::clone(&resolver));
        server.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        if has_challenges {
            server.alpn_protocols.push(ACME.to_vec());
        }
        server.ticketer = Arc::<Ticketer>::clone(&tickets);
        // What is resumed by a ticket needs no place here.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = TICKETS;
        server.ignore_client_order = true;
        let mut http2 = server.clone();
        http2.alpn_protocols.insert(0, HTTP2.to_vec());
        let (config, http2, client) = (Arc::new(server), Arc::new(http2), config.client);
        Ok(Self { config, http2, resolver, client, tickets })
    }
}

fn is_aes_128(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::TLS13_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    )
}
