//! Protection of the demo, which signs in by name alone, and of its page: both are for browsers on
//! this machine only.
//!
//! Every web page can send requests to loopback addresses and, under a name of its own that
//! resolves to them, even read the responses. Therefore the host must be one that no other site can
//! have, and the headers by which browsers describe the requesting page must match. Requests of a
//! proxy that announces itself are refused. A proxy that does not, and sends a loopback name as
//! `Host`, cannot be told from a browser.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, FORWARDED, ORIGIN, VIA};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use comet::OriginPolicy;
use comet_dtalk::code::Code;
use comet_dtalk::http::ApiError;

use super::host::Host;

/// Reason for refusing a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum ForeignRequest {
    #[error("this host name is not of this machine; see demo.hosts and origins.hosts")]
    Host,
    #[error("the demo is not served through a proxy")]
    Proxy,
    #[error("another site's page may not ask for this")]
    Page,
    #[error("the content type must be application/json")]
    NotJson,
}

/// Middleware that passes requests to the demo only from its own page; `names` are further names of
/// this machine.
pub(super) async fn demo(
    State(names): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    match check_demo(&parts, &names) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(rejection) => {
            tracing::warn!(%rejection, path = parts.uri.path(), "demo refused");
            let refused = ApiError::from(Code::UNSUPPORTED).message(rejection.to_string());
            (rejection.status(), refused).into_response()
        }
    }
}

impl ForeignRequest {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Host | Self::Proxy | Self::Page => StatusCode::FORBIDDEN,
        }
    }
}

fn check_demo(parts: &Parts, names: &[String]) -> Result<(), ForeignRequest> {
    let headers = &parts.headers;
    let host = Host::of(&parts.uri, headers).ok_or(ForeignRequest::Host)?;
    if !(host.is_loopback() || host.is_among(names)) {
        return Err(ForeignRequest::Host);
    }
    if is_forwarded(headers) {
        return Err(ForeignRequest::Proxy);
    }
    let site = site(headers);
    if !is_same_origin(headers, &host) || !matches!(site, None | Some(b"same-origin" | b"none")) {
        return Err(ForeignRequest::Page);
    }
    // A page of another origin needs permission to send this type, and is not given it.
    if parts.method == Method::POST && !is_json(headers) {
        return Err(ForeignRequest::NotJson);
    }
    Ok(())
}

/// Allows a request for a file of the page, addressed to an address or a known name, from the page
/// itself or by following a link.
pub(super) fn check_page(parts: &Parts, names: &[&[String]]) -> Result<(), ForeignRequest> {
    let headers = &parts.headers;
    let host = Host::of(&parts.uri, headers).ok_or(ForeignRequest::Host)?;
    let is_known = names.iter().any(|names| host.is_among(names));
    if !(host.is_loopback() || host.is_address() || is_known) {
        return Err(ForeignRequest::Host);
    }
    let value = |name: &str| headers.get(name).map(|value| value.as_bytes());
    let is_followed = value("sec-fetch-mode") == Some(b"navigate")
        && value("sec-fetch-dest") == Some(b"document")
        && parts.method == Method::GET;
    let is_own = matches!(site(headers), None | Some(b"same-origin" | b"none"));
    if is_same_origin(headers, &host) && (is_own || is_followed) {
        Ok(())
    } else {
        Err(ForeignRequest::Page)
    }
}

/// The relation of the requesting page's site to this one, as reported by the browser.
fn site(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get("sec-fetch-site").map(|value| value.as_bytes())
}

/// Whether the requesting page, if any, was served by this host.
fn is_same_origin(headers: &HeaderMap, host: &Host) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter().map(|value| value.to_str().ok());
    origins.all(|origin| {
        origin.is_some_and(|origin| OriginPolicy::SameHost.permits(Some(origin), host.as_str()))
    })
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    let named = |name: &str| {
        name.starts_with("x-forwarded-") || ["x-real-ip", "x-client-ip"].contains(&name)
    };
    headers.keys().any(|name| *name == FORWARDED || *name == VIA || named(name.as_str()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri("/demo/login");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const HOST: (&str, &str) = ("host", "localhost:8888");
    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    fn demo_of(headers: &[(&str, &str)]) -> Result<(), ForeignRequest> {
        check_demo(&parts("POST", headers), &["devbox.test".to_owned()])
    }

    #[test]
    fn the_demo_is_served_to_its_own_page_and_to_programs_of_this_machine() {
        let own = [("origin", "http://localhost:8888"), ("sec-fetch-site", "same-origin")];
        assert_eq!(demo_of(&[HOST, JSON, own[0], own[1]]), Ok(()));
        assert_eq!(demo_of(&[HOST, JSON]), Ok(()));
        assert_eq!(demo_of(&[("host", "devbox.test:1"), JSON]), Ok(()));
    }

    #[test]
    fn the_demo_is_refused_to_everybody_else() {
        let cases: [(&[(&str, &str)], ForeignRequest); 13] = [
            (&[JSON], ForeignRequest::Host),
            (&[HOST, HOST, JSON], ForeignRequest::Host),
            (&[("host", "rebound.example:8888"), JSON], ForeignRequest::Host),
            (&[("host", "192.0.2.1:8888"), JSON], ForeignRequest::Host),
            (&[HOST, JSON, ("x-forwarded-for", "192.0.2.1")], ForeignRequest::Proxy),
            (&[HOST, JSON, ("x-forwarded-proto", "https")], ForeignRequest::Proxy),
            (&[HOST, JSON, ("forwarded", "for=192.0.2.1")], ForeignRequest::Proxy),
            (&[HOST, JSON, ("via", "1.1 proxy")], ForeignRequest::Proxy),
            (&[HOST, JSON, ("origin", "http://evil.example")], ForeignRequest::Page),
            (&[HOST, JSON, ("origin", "null")], ForeignRequest::Page),
            (&[HOST, JSON, ("sec-fetch-site", "cross-site")], ForeignRequest::Page),
            (&[HOST, JSON, ("sec-fetch-site", "same-site")], ForeignRequest::Page),
            (&[HOST, ("content-type", "text/plain")], ForeignRequest::NotJson),
        ];
        for (headers, rejection) in cases {
            assert_eq!(demo_of(headers), Err(rejection), "{headers:?}");
        }
        assert_eq!(demo_of(&[HOST]), Err(ForeignRequest::NotJson));
    }

    #[test]
    fn the_page_is_read_by_following_a_link_and_not_by_another_page() {
        let names: &[String] = &["chat.example".to_owned()];
        let check = |headers: &[(&str, &str)]| check_page(&parts("GET", headers), &[names]);
        let navigate = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let cross = ("sec-fetch-site", "cross-site");
        for host in ["chat.example", "localhost", "192.0.2.1:8888"] {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
            assert_eq!(check(&[("host", host), cross, navigate[0], navigate[1]]), Ok(()));
        }
        assert_eq!(check(&[("host", "rebound.example")]), Err(ForeignRequest::Host));
        assert_eq!(check(&[HOST, cross]), Err(ForeignRequest::Page));
        assert_eq!(
            check(&[HOST, cross, navigate[0], ("sec-fetch-dest", "iframe")]),
            Err(ForeignRequest::Page)
        );
        assert_eq!(check(&[HOST, ("origin", "http://evil.example")]), Err(ForeignRequest::Page));
    }
}
