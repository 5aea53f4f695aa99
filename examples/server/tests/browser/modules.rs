//! The page's modules that need no page, tested in the browser.

use crate::chromium::Driver;
use crate::page::Page;
use crate::server::Server;

/// The dialect's frames, from the protocol's own tests.
const VECTORS: &str = include_str!("../../../../protocol/tests/data/comet.json");
const BROKEN: &str = include_str!("../../../../protocol/tests/data/comet_refused.json");

/// Every script throws at the first difference; `equal` compares by value.
const FRAME: (&str, &str) = (
    "const done = arguments[0];
     const equal = (actual, expected, what) => {
       const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
       if (a !== e) throw new Error(`${what}: got ${a}, expected ${e}`);
     };
     (async () => {",
    "})().then(() => done('passed'), (error) => done(error.stack));",
);

#[tokio::test]
async fn the_pure_modules_of_the_page_do_what_they_promise() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let page = Page::open(driver.browser().await, &server.url()).await;
    for (name, script) in [
        ("comet", include_str!("modules/comet.js")),
        ("deliveries", include_str!("modules/deliveries.js")),
        ("messages", include_str!("modules/messages.js")),
        ("heartbeat", include_str!("modules/heartbeat.js")),
        ("client", include_str!("modules/client.js")),
        ("bodies", include_str!("modules/bodies.js")),
        ("history", include_str!("modules/history.js")),
        ("outbox", include_str!("modules/outbox.js")),
        ("api", include_str!("modules/api.js")),
        ("pull", include_str!("modules/pull.js")),
        ("backoff", include_str!("modules/backoff.js")),
        ("store", include_str!("modules/store.js")),
        ("typing", include_str!("modules/typing.js")),
        ("groups", include_str!("modules/groups.js")),
        ("words", include_str!("modules/words.js")),
    ] {
        let vectors = format!("const [vectors, broken] = [{VECTORS}, {BROKEN}];");
        let script = format!("{}{vectors}{script}{}", FRAME.0, FRAME.1);
        let outcome = page.async_script(&script).await;
        assert_eq!(outcome, "passed", "{name}");
    }
}
