//! An order: the authority is asked for a certificate, shown the proof of its name on a TLS port
//! (TLS-ALPN-01, RFC 8737), and asked for the result.

use std::time::Duration;

use comet::tls::Certificate;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, Order, OrderStatus, Problem,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};

use super::AcmeError;
use crate::certificates::Certificates;

/// How the authority is asked whether it is done: for a minute and a half, at growing distances.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(100)).timeout(Duration::from_secs(90));

/// A chain with its key, both in one text.
pub(super) struct Issued {
    pub(super) pem: String,
    pub(super) certificate: Certificate,
}

/// Has a certificate issued for one name. While it is proved, the ports show its proof.
pub(super) async fn certificate(
    account: &Account,
    name: &str,
    certificates: &Certificates,
) -> Result<Issued, AcmeError> {
    let names = [Identifier::Dns(name.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    let proving = Proving(certificates);
    prove(&mut order, name, &proving).await?;
    drop(proving);
    let key = KeyPair::generate()?;
    let mut request = CertificateParams::new([name.to_owned()])?;
    request.distinguished_name = DistinguishedName::new();
    order.finalize_csr(request.serialize_request(&key)?.der()).await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    let key = key.serialize_pem();
    let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes())?;
    Ok(Issued { pem: format!("{chain}{key}"), certificate })
}

/// Proofs that are shown; not any more when dropped.
struct Proving<'a>(&'a Certificates);

impl Drop for Proving<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.show_proof(None) {
            tracing::error!(%error, "the proof of a name is still shown");
        }
    }
}

async fn prove(order: &mut Order, name: &str, proving: &Proving<'_>) -> Result<(), AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
        let mut challenge = challenge.ok_or(AcmeError::NoChallenge)?;
        let proof = proof(name, challenge.key_authorization().digest().as_ref())?;
        proving.0.show_proof(Some((name.to_owned(), proof)))?;
        challenge.set_ready().await?;
    }
    match order.poll_ready(&PATIENCE).await {
        Ok(OrderStatus::Ready | OrderStatus::Valid) => Ok(()),
        Ok(_) => Err(AcmeError::Refused(reason(order).await)),
        Err(error @ instant_acme::Error::Api(_)) => {
            // The order says less than its challenges.
            let detail = reason(order).await;
            Err(detail.map_or(error.into(), |detail| AcmeError::Refused(Some(detail))))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the authority has against a name, as far as it says so.
async fn reason(order: &mut Order) -> Option<String> {
    let mut authorizations = order.authorizations();
    let mut found = None;
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let state = authorization.refresh().await.ok()?;
        let problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        found = problems.map(Problem::to_string).next().or(found);
    }
    found
}

/// The certificate that proves a name: self-signed, with the digest of the authority's token.
fn proof(name: &str, digest: &[u8]) -> Result<Certificate, AcmeError> {
    let mut parameters = CertificateParams::new([name.to_owned()])?;
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let made = parameters.self_signed(&key)?.pem();
    Ok(Certificate::from_pem(made.as_bytes(), key.serialize_pem().as_bytes())?)
}
