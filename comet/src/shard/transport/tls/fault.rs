//! Errors of rustls as reasons for the end of a connection.

use rustls::{Error, PeerIncompatible};

use crate::closed::TlsFault;

/// The reason that an error is.
pub(super) fn fault_of(error: &Error) -> TlsFault {
    match error {
        Error::AlertReceived(alert) => TlsFault::Alert(u8::from(*alert)),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => TlsFault::NotTls,
        Error::NoApplicationProtocol => TlsFault::Protocol,
        Error::PeerIncompatible(PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon) => {
            TlsFault::Certificate
        }
        Error::PeerIncompatible(_) => TlsFault::Incompatible,
        Error::NoCertificatesPresented
        | Error::UnsupportedNameType
        | Error::InvalidCertificate(_)
        | Error::InvalidCertRevocationList(_) => TlsFault::Certificate,
        Error::DecryptError | Error::PeerSentOversizedRecord => TlsFault::BadRecord,
        Error::PeerMisbehaved(_) | Error::InappropriateHandshakeMessage { .. } => {
            TlsFault::Misbehaved
        }
        _ => TlsFault::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{AlertDescription, CertificateError, InvalidMessage};

    #[test]
    fn faults_keep_kinds_apart() {
        let cases = [
            (Error::AlertReceived(AlertDescription::BadCertificate), TlsFault::Alert(42)),
            (InvalidMessage::InvalidContentType.into(), TlsFault::NotTls),
            (Error::NoApplicationProtocol, TlsFault::Protocol),
            (CertificateError::UnknownIssuer.into(), TlsFault::Certificate),
            (PeerIncompatible::NoCipherSuitesInCommon.into(), TlsFault::Incompatible),
            (Error::DecryptError, TlsFault::BadRecord),
        ];
        for (error, fault) in cases {
            assert_eq!(fault_of(&error), fault, "{error}");
        }
    }
}
