//! Sources, values and faults of the configuration.

use clap::Parser;
use comet::{Io, Overflow, Winner};

use super::backends::{Devices, Retention, Store};
use super::gateway::{Delivery, Handshake, Limits, Ping, Resume, SocketIo, WebSocket};
use super::*;

fn flags(arguments: &[&str]) -> Flags {
    Flags::parse_from([&["comet-server"], arguments].concat())
}

fn load(arguments: &[&str]) -> Config {
    Config::load(&flags(arguments)).unwrap().0
}

/// Every setting with a value of its own, as operators have written them.
const FULL: &str = include_str!("full.toml");

fn full() -> Settings {
    let mut settings = Settings::parse(DEFAULT_NAME, DEFAULT).unwrap();
    settings.text("full.toml", FULL).unwrap();
    settings
}

#[test]
fn the_full_file_has_every_setting_and_none_with_its_default() {
    let default = Settings::parse(DEFAULT_NAME, DEFAULT).unwrap();
    let missing = default.differences(&Settings::parse("empty", "").unwrap());
    let differing = full().differences(&default);
    let same = missing.iter().filter(|path| !differing.contains(path)).collect::<Vec<_>>();
    assert!(same.is_empty(), "{same:?}");
    let optional = [
        "gateway.http_ping_seconds",
        "gateway.tcp_ping_seconds",
        "gateway.ws_ping_seconds",
        "listen.any",
        "modules",
        "tls.certificates",
        "trusted_proxies",
    ];
    let beyond = differing.iter().filter(|path| !missing.contains(path)).collect::<Vec<_>>();
    assert_eq!(beyond, optional.each_ref());
}

#[test]
fn each_setting_at_the_top_of_a_full_file_is_read_to_its_value() {
    let config = full().read(Config::read).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("elsewhere"));
    assert_eq!((config.apps, config.drain_seconds), (vec!["a".into(), "b".into()], 1_001));
    let logging =
        Logging { log: "warn".into(), log_file: "comet.log".into(), log_format: LogFormat::Json };
    assert_eq!(config.logging, logging);
    let proxies = config.proxies.trusted();
    let header = proxies.header_of("10.1.2.3".parse().unwrap());
    assert_eq!(header, Some(comet::ForwardedHeader::Forwarded));
    let announced = serde_json::to_value(&config.announced.discovery).unwrap();
    let expected = serde_json::json!({
        "servers": [{ "name": "f", "address": "https://f.example" }],
        "nodes": [{ "name": "g", "address": "https://g.example" }],
    });
    assert_eq!(announced, expected);
    let modules = serde_json::to_value(&config.announced.modules).unwrap();
    let module = serde_json::json!({
        "name": "h", "isEnabled": true, "endPoints": ["https://h.example"],
    });
    assert_eq!(modules, serde_json::json!([module]));
}

#[test]
fn each_section_of_a_full_file_is_read_to_its_values() {
    let config = full().read(Config::read).unwrap();
    let Listen { tcp, ws, http, admin, tls, any, https, quic, .. } = config.listen;
    assert_eq!([quic, https].map(|it| it.map(|it| it.port())), [Some(1_106), Some(1_109)]);
    let ports = [tcp, ws, http, admin, tls].map(|it| it.port());
    assert_eq!(ports, [1_101, 1_102, 1_103, 1_104, 1_108]);
    let tls = tls::Tls {
        cert: "chain.pem".into(),
        key: "key.pem".into(),
        certificates: vec![CertificateFiles { cert: "chain2.pem".into(), key: "key2.pem".into() }],
        client: ClientCertificates::Required,
        client_roots: "roots.pem".into(),
        check_seconds: 1_107,
    };
    assert_eq!(config.certificates.tls, tls);
    the_authority_of_a_full_file_is_read(&config.certificates.acme);
    assert_eq!(any.map(|it| it.port()), Some(1_105));
    let required = [
        config.listen.tcp_proxy_protocol,
        config.listen.ws_proxy_protocol,
        config.listen.http_proxy_protocol,
        config.listen.any_proxy_protocol,
        config.listen.tls_proxy_protocol,
        config.listen.https_proxy_protocol,
    ];
    assert_eq!(required, [ProxyHeaders::Required; 6]);
    let advertised = &config.announced.advertise.transports[0];
    assert_eq!((&*advertised.kind, &*advertised.url), ("quic", "quic://z.example:3104"));
    let http = Http {
        max_connections: 1_201,
        connections_per_address: 1_202,
        admin_connections: 1_203,
        sse_streams: 1_209,
        sse_unread_streams: 1_210,
        head_bytes: 1_204,
        head_seconds: 1_205,
        body_seconds: 1_206,
        idle_seconds: 1_207,
        write_seconds: 1_208,
        redirect: true,
    };
    assert_eq!(config.http, http);
    let devices = Devices { phone: 1_401, desktop: 1_402, web: 1_403, winner: Winner::Oldest };
    assert_eq!(config.backends.devices, devices);
    let retention = Retention {
        private_days: 1_505,
        private_messages: 1_506,
        group_days: 1_507,
        group_messages: 1_508,
        signal_days: 1_509,
        id_days: 1_510,
    };
    let store = Store { node: 15, queue: 1_502, readers: 1_503, answers: 1_504, retention };
    assert_eq!(config.backends.store, store);
    each_vendor_of_a_full_file_is_read(&config.push);
    let limits = &config.push.limits;
    assert_eq!((limits.android, limits.ios), (Vendor::Log, Vendor::Log));
    assert_eq!((limits.after_seconds, limits.limit_seconds), (1_701, 1_702));
    assert_eq!((&*limits.text, limits.queue, limits.requests), ("i", 1_703, 1_704));
    assert_eq!(config.origins.sub.policy(), comet::OriginPolicy::SameHost);
    assert_eq!(config.origins.hosts, ["d.example"]);
    let demo = &config.demo;
    assert_eq!((demo.names, demo.new_names_per_minute, demo.unused_seconds), (1_601, 1_602, 1_603));
    assert_eq!(demo.hosts, ["e.example"]);
}

fn the_authority_of_a_full_file_is_read(acme: &Acme) {
    let expected = Acme {
        names: vec!["i.example".into()],
        contact: vec!["j@k.example".into()],
        directory: "https://l.example/dir".into(),
        root: "m.pem".into(),
        retry_seconds: 1_110,
    };
    assert_eq!(*acme, expected);
}

fn each_vendor_of_a_full_file_is_read(push: &Push) {
    assert_eq!(push.limits.ca_file, "j");
    assert_eq!((&*push.webhook.url, push.webhook.secret.expose()), ("http://k.example", "l"));
    let umeng = &push.umeng;
    assert_eq!((&*umeng.url, umeng.env), ("http://m.example", Env::Debug));
    let app = |app: &UmengApp| {
        [&*app.app_key, app.app_master_secret.expose(), &*app.mi_activity].map(str::to_owned)
    };
    assert_eq!([&umeng.android, &umeng.ios].map(app), [["n", "o", "p"], ["q", "r", "s"]]);
    let apns = &push.apns;
    let found = [&apns.url, &apns.key_file, &apns.key_id, &apns.team_id, &apns.topic];
    assert_eq!(found, ["http://t.example", "u", "v", "w", "x"]);
    let fcm = &push.fcm;
    assert_eq!([&fcm.url, &fcm.service_account], ["http://y.example", "z"]);
    assert!(!format!("{push:?}").contains("\"o\""), "a secret is not shown");
}

#[test]
fn certificates_and_keys_go_together_and_clients_need_roots() {
    let fault = |setting: &str| Config::load(&flags(&["--set", setting])).unwrap_err().to_string();
    assert!(fault("tls.cert=a.pem").contains("tls.cert needs tls.key"));
    assert!(fault("tls.key=a.pem").contains("tls.key needs tls.cert"));
    assert!(fault("tls.client=optional").contains("tls.client needs tls.client_roots"));
    assert!(fault("tls.check_seconds=0").contains("tls.check_seconds must be at least 1"));
}

#[test]
fn acme_is_a_flag_that_opens_the_usual_port_under_names_of_this_server() {
    let config = load(&["--acme", "a.example", "--acme", "b.example"]);
    assert_eq!(config.certificates.acme.names, ["a.example", "b.example"]);
    assert_eq!(config.listen.https, Some("0.0.0.0:443".parse().unwrap()));
    assert_eq!(config.origins.hosts, ["a.example", "b.example"]);
    assert!(!config.demo_is_on());
    let config = load(&["--acme", "a.example", "--https", "[::]:8443"]);
    assert_eq!(config.listen.https, Some("[::]:8443".parse().unwrap()));
    assert_eq!(load(&["--set", "origins.hosts=['c.example']"]).listen.https, None);
    let fault = |settings: &[&str]| Config::load(&flags(settings)).unwrap_err().to_string();
    let said = fault(&["--acme", "*.example"]);
    assert!(said.contains("--acme: acme.names must be names such as chat.example.org"), "{said}");
    let said = fault(&["--acme", "a.example", "--set", "acme.directory=http://a.example"]);
    assert!(said.contains("acme.directory must be the URL of a directory by https"), "{said}");
    assert!(fault(&["--set", "acme.retry_seconds=0"]).contains("must be at least 1"));
}

#[test]
fn proxy_headers_need_proxies() {
    let fault = |settings: &[&str]| Config::load(&flags(settings)).unwrap_err().to_string();
    let said = fault(&["--set", "listen.ws_proxy_protocol=required"]);
    assert!(said.contains("listen.ws_proxy_protocol needs [[trusted_proxies]]"), "{said}");
    let said = fault(&["--set", "listen.ws_proxy_protocol=on"]);
    assert!(said.contains("listen.ws_proxy_protocol"), "{said}");
    let said = fault(&["--any", "127.0.0.1:8888"]);
    assert!(said.contains("listen.any is 127.0.0.1:8888 like listen.http"), "{said}");
}

#[test]
fn pushes_that_make_no_sense_are_refused() {
    let fault = |settings: &[&str]| Config::load(&flags(settings)).unwrap_err().to_string();
    let said = fault(&["--set", "push.limit_seconds=15"]);
    assert!(said.contains("push.limit_seconds must be more than push.after_seconds"), "{said}");
    let said = fault(&["--set", "push.android=apns"]);
    assert!(said.contains("push.android must be a vendor for Android"), "{said}");
    let said = fault(&["--set", "push.ios=pigeon"]);
    assert!(said.contains("pigeon"), "{said}");
}

#[test]
fn the_gateway_of_a_full_file_is_read_to_its_values() {
    let config = full().read(Config::read).unwrap();
    let expected = Gateway {
        shards: 13,
        memory_budget: 1_319_000_000,
        handshake: Handshake {
            handshake_seconds: 1_312,
            handshake_rate: 1_320,
            refusal_hold_seconds: 1_321,
            held_refusals: 1_322,
            max_upgrade: 1_313,
            max_upgrade_headers: 1_314,
        },
        limits: Limits {
            max_connections: 1_302,
            max_sessions: 1_303,
            connections_per_address: 1_304,
            handshakes_per_address: 1_305,
            inbox: 1_315,
            message_rate: 1_317,
            message_seconds: 1_307,
            max_body: 1_306,
        },
        delivery: Delivery { window: 1_316, overflow: Overflow::DropOldest },
        io: SocketIo {
            io: Io::Epoll,
            write_seconds: 1_309,
            user_timeout_seconds: 1_310,
            keepalive_seconds: 1_311,
        },
        ping: Ping {
            ping_seconds: 130,
            tcp_ping_seconds: Some(131),
            ws_ping_seconds: Some(132),
            http_ping_seconds: Some(133),
            idle_seconds: 1_308,
        },
        resume: Resume { resume_seconds: 1_318, return_rate: 1_323, return_spread_seconds: 1_324 },
        websocket: WebSocket {
            upgrade_paths: vec!["/a".into()],
            subprotocols: vec!["c.v1".into()],
            deflate: true,
        },
    };
    assert_eq!(config.gateway, expected);
}

#[test]
fn the_environment_reaches_settings_of_every_group() {
    let mut settings = Settings::parse(DEFAULT_NAME, DEFAULT).unwrap();
    let names = ["COMET_GATEWAY__MAX_SESSIONS", "COMET_GATEWAY__WS_PING_SECONDS", "COMET_LOG_FILE"];
    let variables = names.map(|name| (name.into(), "7".into()));
    settings.environment(variables.into_iter()).unwrap();
    let config = settings.read(Config::read).unwrap();
    assert_eq!(config.gateway.limits.max_sessions, 7);
    assert_eq!(config.gateway.ping.ws_ping_seconds, Some(7));
    assert_eq!(config.logging.log_file, "7");
}

#[test]
fn the_printed_default_is_complete_and_serves_the_documented_ports() {
    let config = load(&[]);
    let Listen { tcp, ws, http, admin, quic, .. } = config.listen;
    assert_eq!(quic.map(|it| it.port()), Some(3104));
    assert_eq!(load(&["--quic", ""]).listen.quic, None);
    assert_eq!([tcp.port(), ws.port(), http.port(), admin.port()], [3101, 3102, 8888, 9100]);
    assert_eq!(config.apps, ["dtalk"]);
}

#[test]
fn flags_win_over_the_file_and_the_file_over_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("comet.toml");
    std::fs::write(&file, "log = \"warn\"\n[listen]\nhttp = \"127.0.0.1:1\"\n").unwrap();
    let file = file.to_str().unwrap();
    let config = load(&["--config", file, "--http", "127.0.0.1:2"]);
    assert_eq!(config.logging.log, "warn");
    assert_eq!(config.listen.http.port(), 2);
    assert_eq!(config.listen.ws.port(), 3102);
}

#[test]
fn any_setting_can_be_given_as_a_flag() {
    let config = load(&["--set", "gateway.resume_seconds=5", "--set", "devices.web = 3"]);
    assert_eq!((config.gateway.resume.resume_seconds, config.backends.devices.web), (5, 3));
    assert_eq!(config.gateway.delivery.overflow, Overflow::Park);
    let config = load(&["--set", "gateway.overflow = 'drop-oldest'"]);
    assert_eq!(config.gateway.delivery.overflow, Overflow::DropOldest);
    assert_eq!(config.gateway.io.io, Io::Auto);
    assert_eq!(load(&["--set", "gateway.io = 'epoll'"]).gateway.io.io, Io::Epoll);
    let flags = flags(&["--set", "gateway.resume_minutes=5"]);
    assert!(Config::load(&flags).unwrap_err().to_string().contains("resume_minutes"));
}

#[test]
fn each_fault_in_a_file_is_told_with_its_line_and_what_would_be_right() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("comet.toml");
    let mut text = String::new();
    for line in include_str!("../settings/faults.txt").lines() {
        let Some(expected) = line.strip_prefix("-> ") else {
            text += &format!("{line}\n");
            continue;
        };
        std::fs::write(&file, text.trim_start_matches('\n')).unwrap();
        let said =
            Config::load(&flags(&["--config", file.to_str().unwrap()])).unwrap_err().to_string();
        assert_eq!(said, format!("{}:{expected}", file.display()), "{text}");
        text.clear();
    }
}

#[test]
fn a_fault_elsewhere_is_told_with_the_flag_or_the_file_as_a_whole() {
    let complaints = [
        (["--set", "gateway.io=7"], "--set gateway.io=7: gateway.io must be one of "),
        (["--set", "gateway"], "--set gateway: must have the form SETTING=VALUE"),
        (["--http", "8888"], "--http: listen.http: \"8888\" is no address with a port"),
        (["--config", "/nowhere/a.toml"], "/nowhere/a.toml: cannot be read: No such file"),
    ];
    for (arguments, expected) in complaints {
        let said = Config::load(&flags(&arguments)).unwrap_err().to_string();
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn addresses_may_be_names() {
    let listen = load(&["--http", "localhost:8889", "--set", "listen.ws=localhost:1"]).listen;
    assert_eq!(listen.http, "127.0.0.1:8889".parse().unwrap());
    assert_eq!(listen.ws, "127.0.0.1:1".parse().unwrap());
}

#[test]
fn text_that_looks_like_a_number_is_text_where_text_is_wanted() {
    assert_eq!(load(&["--set", "data_dir=2026"]).data_dir, PathBuf::from("2026"));
    assert_eq!(
        load(&["--set", "gateway.overflow=close"]).gateway.delivery.overflow,
        Overflow::Close
    );
}
