//! Sign-in by name alone, which is for browsers on this machine only.

use std::time::Duration;

use crate::arena::{Arena, Port};
use crate::attack::Attack;

const PATIENCE: Duration = Duration::from_secs(8);
const JSON: &str = "Content-Type: application/json\r\n";

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("demo-other-origin", "a page of another origin signs in", |arena| {
        refused(arena, None, &format!("{JSON}Origin: https://evil.test\r\n"));
    })
    .quick(),
    Attack::new("demo-null-origin", "a sandboxed frame signs in", |arena| {
        refused(arena, None, &format!("{JSON}Origin: null\r\n"));
    }),
    Attack::new("demo-text-plain", "a form of another page, as text/plain", |arena| {
        refused(arena, None, "Content-Type: text/plain\r\n");
    }),
    Attack::new("demo-cross-site", "a request that the browser marks as cross-site", |arena| {
        refused(arena, None, &format!("{JSON}Sec-Fetch-Site: cross-site\r\n"));
    })
    .quick(),
    Attack::new("demo-dns-rebinding", "a page on a name that resolves to 127.0.0.1", |arena| {
        refused(arena, Some("evil.test:8888"), JSON);
        refused(arena, Some("127.0.0.1.evil.test"), JSON);
        refused(arena, Some("localhost.evil.test"), JSON);
    }),
    Attack::new("demo-rebound-page", "the page itself under the name of somebody else", |arena| {
        let mut line = arena.line(Port::Http);
        line.say("GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n");
        let page = line.hears(PATIENCE, |_| false);
        let served = page.starts_with(b"HTTP/1.1 200");
        arena.holds("the page is refused", !served);
    }),
    Attack::new("demo-behind-a-proxy", "a request with a forwarding header", |arena| {
        for header in [
            "X-Forwarded-For: 203.0.113.7\r\n",
            "X-Forwarded-Host: chat.test\r\n",
            "X-Real-IP: 203.0.113.7\r\n",
            "Forwarded: for=203.0.113.7\r\n",
            "Via: 1.1 proxy\r\n",
        ] {
            refused(arena, None, &format!("{JSON}{header}"));
        }
    })
    .quick(),
    Attack::new("demo-online-cross-site", "another page asks who is there", |arena| {
        let request = "GET /demo/online HTTP/1.1\r\nHost: evil.test\r\n\
                       Origin: https://evil.test\r\nConnection: close\r\n\r\n";
        let mut line = arena.line(Port::Http);
        line.say(request);
        let answer = String::from_utf8_lossy(line.hears(PATIENCE, |_| false)).into_owned();
        arena.holds("nobody is named", !answer.contains("\"known\""));
    }),
    Attack::new(
        "demo-names-invisible",
        "names with control, invisible or bidi characters",
        |arena| {
            for name in
                ["a\u{202e}b", "a\u{200b}b", "\u{2066}a", "a\u{0007}b", "a\u{feff}", "a\u{00ad}b"]
            {
                not_taken(arena, name);
            }
        },
    ),
    Attack::new("demo-names-alike", "names that look like one that is taken", |arena| {
        let own = address_of(arena, "paypal");
        arena.holds("\"paypal\" is taken", own.is_some());
        for name in ["p\u{0430}ypal", "\u{ff50}aypal", "PAYPAL", "paypaI", "p\u{0430}y\u{0440}al"] {
            let other = address_of(arena, name);
            // The same user has not taken another's name.
            arena.holds(&format!("{name:?} is nobody else"), other.is_none() || other == own);
        }
    }),
    Attack::new("demo-names-many", "3,000 new names in a row", many),
];

/// The request of the demo's own page, with other headers.
fn login(arena: &Arena, host: Option<&str>, headers: &str, name: &str) -> String {
    let address = arena.address(Port::Http);
    let own = address.to_string();
    let body = serde_json::json!({ "name": name }).to_string();
    let request = format!(
        "POST /demo/login HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        host.unwrap_or(&own),
        body.len()
    );
    let mut line = arena.line(Port::Http);
    line.say(request);
    String::from_utf8_lossy(line.hears(PATIENCE, |_| false)).into_owned()
}

fn is_token(answer: &str) -> bool {
    answer.contains("\"token\":\"")
}

/// Whether the page on this machine gets a token for the name.
fn takes(arena: &Arena, name: &str) -> bool {
    let origin = format!("{JSON}Origin: http://{}\r\n", arena.address(Port::Http));
    is_token(&login(arena, None, &origin, name))
}

/// The user that the page on this machine becomes under the name, if any.
fn address_of(arena: &Arena, name: &str) -> Option<String> {
    let origin = format!("{JSON}Origin: http://{}\r\n", arena.address(Port::Http));
    let answer = login(arena, None, &origin, name);
    let (_, rest) = answer.split_once("\"address\":\"")?;
    rest.split_once('"').map(|(address, _)| address.to_owned())
}

fn not_taken(arena: &mut Arena, name: &str) {
    let taken = takes(arena, name);
    arena.holds(&format!("{:?} is refused", name), !taken);
}

/// Other origins get no token; the page itself does, as a control.
fn refused(arena: &mut Arena, host: Option<&str>, headers: &str) {
    let answer = login(arena, host, headers, "victim");
    let what = host.unwrap_or(headers).trim_end().to_owned();
    let line = answer.lines().next().unwrap_or("nothing").to_owned();
    arena.bound(&what.replace("\r\n", ", "), "no token", &line, !is_token(&answer));
    let readable = answer.to_ascii_lowercase().contains("access-control-allow-origin: *");
    arena.holds("not readable from other origins", !readable);
    let own = takes(arena, "someone of this machine");
    arena.holds("the page itself signs in", own);
}

fn many(arena: &mut Arena) {
    let taken = (0..3_000).filter(|number| takes(arena, &format!("name {number}"))).count();
    arena.at_most("names taken", taken, 1_000);
    // The demo does not stay full.
    let back = crate::line::until(Duration::from_secs(30), || {
        let came = takes(arena, "one more");
        if !came {
            crate::line::pass(Duration::from_millis(500));
        }
        came
    });
    arena.holds("a new name is taken within 30 s", back);
}
