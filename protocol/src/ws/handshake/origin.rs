//! Web pages from which connections are accepted (RFC 6455 section 10.2).

/// A rule for the `Origin` of a request: the defence against pages that use their visitor's
/// credentials. Clients that are not browsers send none, and pass every rule.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum OriginPolicy {
    /// Pages of any site.
    #[default]
    Any,
    /// Pages served under the host name and port of the request.
    SameHost,
    /// Pages of these origins, in the form sent by browsers: `https://chat.example`.
    List(Vec<String>),
}

impl OriginPolicy {
    /// Whether a page of this origin may connect to this host.
    #[must_use]
    pub fn permits(&self, origin: Option<&str>, host: &str) -> bool {
        let Some(origin) = origin else { return true };
        match self {
            Self::Any => true,
            Self::SameHost => is_same_host(origin, host),
            Self::List(origins) => origins.iter().any(|known| known.eq_ignore_ascii_case(origin)),
        }
    }
}

fn is_same_host(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let bare = |authority: &str| {
        authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase()
    };
    !authority.is_empty() && bare(authority) == bare(host)
}
