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
use rustls::server::{NoServerSessionStorage, ServerConfig};

pub use certificate::Certificate;
pub use client::{ClientAuth, ClientCertificate, Roots};
pub use error::TlsError;

use resolver::Resolver;
use tickets::Ticketer;

/// Protocols that a client may name by ALPN on a port of sessions.
const PROTOCOLS: [&[u8]; 2] = [b"comet", b"http/1.1"];

/// Tickets that a TLS 1.3 client gets after a full handshake. One is enough for one session to come
/// back, and the client asks for none in particular.
const TICKETS: usize = 1;

/// TLS of listeners: given to [`Listen::tls`](crate::Listen::tls), and kept to
/// [`reload`](Self::reload) certificates. A cheap handle: clones are one.
///
/// TLS 1.3 and 1.2 with the cipher suites of rustls that have forward secrecy. A client that names
/// protocols by ALPN has to name `comet` or `http/1.1`, else it is refused by the alert
/// `no_application_protocol` (RFC 7301, section 3.2). There is no early data, no renegotiation and
/// no compression.
///
/// A session takes some 4 KiB of memory more than a plain one; a handshake under way the same, and
/// up to [`handshake.max_hello`](crate::HandshakeConfig::max_hello) of input.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    provider: Arc<CryptoProvider>,
    /// Read once for each handshake, written by a reload: a lock is cheap beside either.
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
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
}

impl TlsConfig {
    /// With this certificate for whatever name a client asks for.
    #[must_use]
    pub fn new(certificate: Certificate) -> Self {
        Self {
            certificates: vec![certificate],
            client: ClientAuth::None,
            ticket_rotation: Duration::from_secs(6 * 60 * 60),
        }
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
        Ok(Self(Arc::new(Shared { provider, current })))
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
        *current = Current::new(&self.0.provider, tickets, config)?;
        Ok(())
    }

    /// Seals tickets with another key from now on, and takes those of the key before. Called twice,
    /// it voids all tickets that were given out before.
    pub fn rotate_tickets(&self) {
        self.lock().tickets.rotate();
    }

    /// The configuration of a handshake that begins now.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.lock().config)
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
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
        let resolver = Resolver::new(config.certificates).ok_or(TlsError::NoCertificate)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Rustls)?;
        let builder = match config.client.verifier(provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut server = builder.with_cert_resolver(Arc::new(resolver));
        server.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        server.ticketer = Arc::<Ticketer>::clone(&tickets);
        // What is resumed by a ticket needs no place here.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = TICKETS;
        server.ignore_client_order = true;
        Ok(Self { config: Arc::new(server), client: config.client, tickets })
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
