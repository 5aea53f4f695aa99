//! The configuration: a commented default, a file, the environment, flags; the later ones win.

mod acme;
mod announced;
mod backends;
mod database;
mod demo;
mod flags;
mod gateway;
mod http;
mod limits;
mod listen;
mod logging;
mod origins;
mod proxies;
mod push;
mod tls;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use comet_dtalk::id::Node as StoreNode;
use comet_dtalk::user::{MAX_APP, is_app};
use tracing_subscriber::EnvFilter;

pub(crate) use self::acme::Acme;
use self::announced::Announced;
pub(crate) use self::announced::{Module, Node, Transport};
use self::backends::Backends;
pub(crate) use self::backends::JwtTokens;
use self::database::Database;
pub(crate) use self::demo::{Demo, is_loopback};
pub(crate) use self::flags::{Command, Flags};
use self::gateway::Gateway;
pub(crate) use self::gateway::SocketIo;
pub(crate) use self::http::Http;
use self::listen::Listen;
pub(crate) use self::listen::ProxyHeaders;
pub(crate) use self::logging::{LogFormat, Logging};
use self::origins::Origins;
use self::proxies::Proxies;
pub(crate) use self::push::{Env, Push, UmengApp, Vendor};
pub(crate) use self::tls::{CertificateFiles, CertificateSettings, ClientCertificates};
use crate::settings::{Fault, Section, Settings};

/// The commented default configuration, the base of every configuration.
pub(crate) const DEFAULT: &str = include_str!("../default.toml");

/// The name of the default in messages.
const DEFAULT_NAME: &str = "the default";

/// All settings.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) database: Database,
    pub(crate) apps: Vec<String>,
    pub(crate) drain_seconds: u64,
    pub(crate) logging: Logging,
    pub(crate) listen: Listen,
    pub(crate) certificates: CertificateSettings,
    pub(crate) http: Http,
    pub(crate) gateway: Gateway,
    pub(crate) backends: Backends,
    pub(crate) push: Push,
    pub(crate) origins: Origins,
    pub(crate) demo: Demo,
    pub(crate) announced: Announced,
    pub(crate) proxies: Proxies,
}

impl Config {
    /// Merges all sources and validates the values. Host names are resolved, which may block.
    pub(crate) fn load(flags: &Flags) -> Result<(Self, Settings), Fault> {
        let mut settings = Settings::parse(DEFAULT_NAME, DEFAULT)?;
        flags.overlay(&mut settings)?;
        let mut config = settings.read(Self::read)?;
        config.open_for_acme(settings.is_from(DEFAULT_NAME, "listen.https"));
        config.check(&settings)?;
        Ok((config, settings))
    }

    fn read(settings: &mut Section<'_>) -> Result<Self, Fault> {
        Ok(Self {
            data_dir: settings.setting("data_dir")?,
            database: settings.setting("database")?,
            apps: settings.setting("apps")?,
            drain_seconds: settings.setting("drain_seconds")?,
            logging: settings.part()?,
            listen: settings.setting("listen")?,
            certificates: settings.part()?,
            http: settings.setting("http")?,
            gateway: settings.section("gateway", Gateway::read)?,
            backends: settings.part()?,
            push: settings.section("push", Push::read)?,
            origins: settings.setting("origins")?,
            demo: settings.setting("demo")?,
            announced: settings.part()?,
            proxies: settings.part()?,
        })
    }

    /// Names with certificates are names of this server, and have the usual port unless another
    /// one is configured.
    fn open_for_acme(&mut self, has_usual_port: bool) {
        let acme = &self.certificates.acme;
        if acme.is_on() && has_usual_port {
            self.listen.https = Some((Ipv4Addr::UNSPECIFIED, 443).into());
        }
        let hosts = &mut self.origins.hosts;
        let new = acme.names.iter().filter(|name| !hosts.contains(name)).cloned();
        let new: Vec<_> = new.collect();
        hosts.extend(new);
    }

    /// Rejects values that are valid for their types but make no sense.
    fn check(&self, settings: &Settings) -> Result<(), Fault> {
        if EnvFilter::try_new(&self.logging.log).is_err() {
            let text = format!(
                "must be a level or a list, such as info,comet=debug, not {:?}",
                self.logging.log
            );
            return Err(settings.fault("log", text));
        }
        if self.apps.is_empty() {
            return Err(settings.fault("apps", "must name an application, or nobody can log in"));
        }
        if let Some(app) = self.apps.iter().find(|app| !is_app(app)) {
            let text =
                format!("must be texts of 1 to {MAX_APP} bytes without a colon, not {app:?}");
            return Err(settings.fault("apps", text));
        }
        if StoreNode::new(self.backends.store.node).is_none() {
            let text = format!("must be from 0 to 15, not {}", self.backends.store.node);
            return Err(settings.fault("store.node", text));
        }
        if (1..7).contains(&self.backends.store.retention.id_days) {
            let text = "must be 0 or at least 7: clients send messages again days later";
            return Err(settings.fault("store.retention.id_days", text));
        }
        self.push.check(settings)?;
        self.certificates.tls.check(settings)?;
        self.certificates.acme.check(settings)?;
        if let Some((path, other, address)) = self.listen.collision() {
            // Users do not write the default: the fault lies in the setting that collides with it.
            let of_default = settings.is_from(DEFAULT_NAME, path);
            let (path, other) = if of_default { (other, path) } else { (path, other) };
            let text = format!("is {address} like {other}");
            return Err(settings.fault(path, text));
        }
        if let Some(path) = self.listen.requires_proxies().filter(|_| self.proxies.is_empty()) {
            let text = "needs [[trusted_proxies]]: PROXY headers of nobody else are accepted";
            return Err(settings.fault(path, text));
        }
        self.gateway_limits().validate().map_err(|error| {
            let text = match error {
                comet::StartError::Config(text) => text.to_owned(),
                other => other.to_string(),
            };
            settings.fault("gateway", format!("is refused: {text}"))
        })
    }
}

#[cfg(test)]
mod tests;
