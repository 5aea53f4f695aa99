//! Pages over TLS, whose sessions are WebSockets over TLS.

use comet_testkit::proxy::Proxy;

use crate::chromium::Driver;
use crate::page::Page;
use crate::server::Server;

/// Where the page is, and what it talks over.
const WAY: &str = "
    return location.protocol + ' ' + (document.documentElement.dataset.transport ?? '');";

#[tokio::test]
async fn a_page_over_tls_is_cut_and_goes_on_where_it_was() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let line = Proxy::start(server.address());
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let url = format!("https://{}/", line.address);
    let bob = Page::sign_in(driver.browser().await, &url, "bob").await;
    bob.open_person("alice").await;
    alice.open_person("bob").await;
    alice.send("before").await;
    bob.wait_for_talk(&["before"]).await;
    assert_eq!(bob.script::<String>(WAY).await, "https: websocket");
    assert_eq!(bob.session().await, "new");
    assert!(line.cut() >= 1, "a connection");
    alice.send("meanwhile").await;
    bob.wait_for_element("#status[data-state='online'][data-session='resumed']").await;
    bob.send("again").await;
    let talk = ["before", "meanwhile", "again"];
    bob.wait_for_talk(&talk).await;
    alice.wait_for_talk(&talk).await;
}
