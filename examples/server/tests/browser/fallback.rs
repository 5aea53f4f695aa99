//! Networks that let UDP through, or no WebSocket; and TLS.

use comet_server_testkit::nginx::Nginx;

use crate::chromium::Driver;
use crate::page::Page;
use crate::server::Server;

/// Reads how many requests went to streams, and how many events they were.
const STREAMS: &str = "
    return performance.getEntriesByType('resource')
        .filter(({ name }) => name.includes('/comet/sse')).length;";

/// A proxy that does not pass upgrades on, as nginx is without configuration, nor the announcement
/// of what can be reached beside it.
fn without_upgrades(server: &Server) -> Nginx {
    let to = server.address();
    Nginx::start(&format!(
        "location / {{\nproxy_pass http://{to};\nproxy_set_header Host $http_host;\n}}\n\
         location = /comet/transports {{\nreturn 404;\n}}\n"
    ))
}

#[tokio::test]
async fn a_page_without_websockets_talks_over_events_by_itself() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let proxy = without_upgrades(&server);
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let url = format!("http://{}/", proxy.address);
    let bob = Page::sign_in(driver.browser().await, &url, "bob").await;
    bob.open_person("alice").await;
    alice.open_person("bob").await;
    alice.send("down").await;
    bob.wait_for_talk(&["down"]).await;
    bob.send("up").await;
    alice.wait_for_talk(&["down", "up"]).await;
    bob.wait_for_marks("received").await;
    assert_eq!(alice.script::<u32>(STREAMS).await, 0);
    assert!(bob.script::<u32>(STREAMS).await >= 3, "opened, read, and posted to");
}

const TRANSPORT: &str = "return document.documentElement.dataset.transport ?? '';";

#[tokio::test]
async fn a_page_prefers_webtransport_and_does_without_where_it_is_not_announced() {
    let (server, driver) = (Server::start_with_quic().await, Driver::start().await);
    // A proxy that passes WebSocket on; what is behind it cannot be reached by UDP.
    let to = server.address();
    let proxy = Nginx::start(&format!(
        "location / {{\nproxy_pass http://{to};\nproxy_set_header Host $http_host;\n\
         proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\n\
         proxy_set_header Connection upgrade;\n}}\nlocation /comet/ {{\nreturn 404;\n}}\n"
    ));
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let url = format!("http://{}/", proxy.address);
    let bob = Page::sign_in(driver.browser().await, &url, "bob").await;
    bob.open_person("alice").await;
    alice.open_person("bob").await;
    alice.send("over UDP").await;
    bob.wait_for_talk(&["over UDP"]).await;
    bob.send("over TCP").await;
    alice.wait_for_talk(&["over UDP", "over TCP"]).await;
    assert_eq!(alice.script::<String>(TRANSPORT).await, "webtransport");
    assert_eq!(bob.script::<String>(TRANSPORT).await, "websocket");
}

#[tokio::test]
async fn a_page_over_tls_has_its_session_on_its_http2_connection() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let url = server.url().replace("http://", "https://");
    let alice = Page::sign_in(driver.browser().await, &url, "alice").await;
    let bob = Page::sign_in(driver.browser().await, &server.url(), "bob").await;
    alice.open_person("bob").await;
    bob.open_person("alice").await;
    alice.send("over TLS").await;
    bob.wait_for_talk(&["over TLS"]).await;
    bob.send("plain").await;
    alice.wait_for_talk(&["over TLS", "plain"]).await;
    // An upgrade is answered by 101, the CONNECT of RFC 8441 by 200.
    for code in ["101", "200"] {
        let line = format!("comet_http_requests_total{{route=\"/sub\",code=\"{code}\"}} 1");
        server.wait_for_metric(&line).await;
    }
}
