//! Protection of a transport's bytes on their way, as far as resume tickets care for it.

/// How bytes are protected on their way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::shard) enum Protection {
    /// Not at all, as far as is known.
    Plain,
    /// By TLS, or something as good.
    Secure,
    /// By TLS to a client with a certificate, which has this hash.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS has certificates"))]
    Certified([u8; 32]),
}

impl Protection {
    /// A name that is no beginning of another one's.
    pub(in crate::shard) fn name(self) -> String {
        match self {
            Self::Plain => "p".to_owned(),
            Self::Secure => "s".to_owned(),
            Self::Certified(hash) => {
                hash.iter().fold("c".to_owned(), |name, byte| name + &format!("{byte:02x}"))
            }
        }
    }

    /// Protections of connections whose tickets are honoured on this one, beside its own: weaker
    /// ones, and on a plain connection TLS without a certificate if that is `allowed`.
    pub(in crate::shard) fn honours(self, allowed: bool) -> &'static [Self] {
        match self {
            Self::Plain if allowed => &[Self::Secure],
            Self::Plain => &[],
            Self::Secure => &[Self::Plain],
            Self::Certified(_) => &[Self::Plain, Self::Secure],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_of_weaker_connections_are_honoured_and_stronger_ones_by_permission() {
        let certified = Protection::Certified([7; 32]);
        assert_eq!(Protection::Plain.honours(false), []);
        assert_eq!(Protection::Plain.honours(true), [Protection::Secure]);
        assert_eq!(Protection::Secure.honours(true), [Protection::Plain]);
        assert_eq!(certified.honours(false), [Protection::Plain, Protection::Secure]);
        assert_eq!(certified.name(), format!("c{}", "07".repeat(32)));
    }
}
