//! Commands of the browser's own protocol: what a user's device and settings are taken for.

use axum::http::Method;
use fantoccini::Client;
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// Has the page drawn as for a user with these settings, such as `prefers-color-scheme`.
pub(crate) async fn prefer(client: &Client, settings: &[(&str, &str)]) {
    let features = settings.iter().map(|(name, value)| json!({"name": name, "value": value}));
    let features: Vec<Value> = features.collect();
    run(client, "Emulation.setEmulatedMedia", json!({"features": features})).await;
}

/// Has the page drawn as on a phone.
pub(crate) async fn be_a_phone(client: &Client) {
    let size = json!({"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true});
    run(client, "Emulation.setDeviceMetricsOverride", size).await;
}

async fn run(client: &Client, cmd: &'static str, params: Value) {
    client.issue_cmd(Devtools { cmd, params }).await.expect("the browser takes the command");
}

#[derive(Debug)]
struct Devtools {
    cmd: &'static str,
    params: Value,
}

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        let session = session_id.unwrap_or_default();
        base_url.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _request_url: &Url) -> (Method, Option<String>) {
        let body = json!({"cmd": self.cmd, "params": self.params});
        (Method::POST, Some(body.to_string()))
    }
}
