//! HTTP requests by route and status, and the time to the head of their response.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the buckets in seconds, those of [`comet::Histogram`].
const BOUNDS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// The route of unmatched requests: files of the page, and unknown paths.
const NO_ROUTE: &str = "other";

/// Requests counted by route and status: some dozens of series, as the routes are fixed.
#[derive(Clone)]
pub(crate) struct Requests {
    answered: Family<Answered, Counter>,
    took: Family<Route, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answered {
    route: String,
    code: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Route {
    route: String,
}

impl Requests {
    pub(crate) fn new() -> Self {
        Self {
            answered: Family::default(),
            took: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "HTTP requests answered", self.answered.clone());
        let help = "Time from the head of an HTTP request to the head of its answer";
        registry.register("http_request_seconds", help, self.took.clone());
    }
}

/// Middleware that counts a request and its response time.
pub(crate) async fn observe(
    State(requests): State<Requests>,
    request: Request,
    next: Next,
) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let began = Instant::now();
    let response = next.run(request).await;
    let code = response.status().as_u16();
    let took = began.elapsed().as_secs_f64();
    requests.answered.get_or_create(&Answered { route: route.clone(), code }).inc();
    requests.took.get_or_create(&Route { route }).observe(took);
    response
}
