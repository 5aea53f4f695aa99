//! The proxy of existing deployments: the routes that clients expect, with one server behind all of
//! them.
//!
//! Services without the prefix in their paths are nginx's own servers here, which restore it: the
//! routes before them are as deployed.

use std::env;

use crate::nginx::Nginx;
use crate::server::Addresses;

/// The variable that makes every server of a test program run behind such a proxy.
pub const BEHIND: &str = "COMET_TEST_BEHIND_NGINX";

/// Services reached with their prefix.
const WHOLE: [&str; 4] = ["user/", "app/version/", "backend/", "auth/"];

/// Services reached without it.
const STRIPPED: [&str; 7] = ["store", "disc", "backup", "record", "oss", "group", "call"];

/// Puts the proxy in front of the HTTP and WebSocket ports, if requested.
pub fn in_front(addresses: &mut Addresses) -> Option<Nginx> {
    env::var_os(BEHIND)?;
    let Addresses { ws, http, .. } = *addresses;
    let host = "proxy_set_header Host $http_host;\n";
    let mut locations = format!(
        "client_max_body_size 6m;\n\
         if ($request_method = OPTIONS) {{ return 204; }}\n\
         location /ping {{ return 200 \"pong\"; }}\n\
         location / {{ proxy_pass http://{http};\n{host}}}\n"
    );
    for prefix in WHOLE {
        locations += &format!("location /{prefix} {{ proxy_pass http://{http};\n{host}}}\n");
    }
    let mut services = String::new();
    for name in STRIPPED {
        locations += &format!("location /{name}/ {{ proxy_pass http://unix:{name}:/;\n{host}}}\n");
        services += &format!(
            "server {{\nlisten unix:{name};\nclient_max_body_size 6m;\n\
             location / {{ proxy_pass http://{http}/{name}/;\n{host}}}\n}}\n"
        );
    }
    for path in ["= /sub", "/sub/"] {
        locations += &format!(
            "location {path} {{\nproxy_pass http://{ws}/sub;\nproxy_http_version 1.1;\n{host}\
             proxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection \"upgrade\";\n\
             proxy_read_timeout 86400;\n}}\n"
        );
    }
    let nginx = Nginx::serving(|address| {
        format!("server {{\nlisten {address};\n{locations}}}\n{services}")
    });
    addresses.http = nginx.address;
    addresses.ws = nginx.address;
    Some(nginx)
}
