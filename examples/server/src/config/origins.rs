//! The section `[origins]`: allowed pages and host names.

use comet::OriginPolicy;
use serde::Deserialize;

/// Allowed origins of clients and their pages.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origins {
    /// Pages that may open `/sub`.
    pub(crate) sub: Pages,
    /// Names under which clients reach this server.
    pub(crate) hosts: Vec<String>,
}

/// Web pages, identified by their origin.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(
    untagged,
    expecting = "must be \"any\", \"same-origin\", or a list such as [\"https://chat.example\"]"
)]
pub(crate) enum Pages {
    Rule(PagesRule),
    Listed(Vec<String>),
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PagesRule {
    Any,
    SameOrigin,
}

impl Pages {
    pub(crate) fn policy(&self) -> OriginPolicy {
        match self {
            Self::Rule(PagesRule::Any) => OriginPolicy::Any,
            Self::Rule(PagesRule::SameOrigin) => OriginPolicy::SameHost,
            Self::Listed(origins) => OriginPolicy::List(origins.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{Config, Flags};

    fn load(arguments: &[&str]) -> Config {
        let flags = Flags::parse_from([&["comet-server"], arguments].concat());
        Config::load(&flags).unwrap().0
    }

    #[test]
    fn pages_are_a_word_or_a_list() {
        let pages = |value: &str| load(&["--set", &format!("origins.sub = {value}")]).origins.sub;
        assert_eq!(load(&[]).origins.sub.policy(), OriginPolicy::Any);
        assert_eq!(pages("'same-origin'").policy(), OriginPolicy::SameHost);
        let listed = vec!["https://chat.example".to_owned()];
        assert_eq!(pages("['https://chat.example']").policy(), OriginPolicy::List(listed));
        let flags = Flags::parse_from(["comet-server", "--set", "origins.sub = 'some'"]);
        let error = Config::load(&flags).unwrap_err().to_string();
        assert!(error.contains("same-origin"), "{error}");
    }
}
