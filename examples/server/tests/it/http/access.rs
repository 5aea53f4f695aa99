//! The access log.

use comet_server_testkit::http;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::Setup;
use comet_testkit::clock;

/// The lines of the access log, without their times.
fn lines(errors: &str) -> Vec<String> {
    let lines = errors.lines().filter_map(|line| line.split_once("access: "));
    let without_time = |line: &str| {
        let fields = line.split(' ').filter(|field| !field.starts_with("ms="));
        fields.collect::<Vec<_>>().join(" ")
    };
    lines.map(|(_, line)| without_time(line)).collect()
}

#[test]
fn a_request_is_a_line_with_address_user_path_and_result_but_no_secrets() {
    let config = tempfile::NamedTempFile::new().expect("a file");
    let text = "[[trusted_proxies]]\nnet = \"127.0.0.1/32\"\nheader = \"x-forwarded-for\"\n";
    std::fs::write(config.path(), text).expect("written");
    let server =
        Setup::default().flag("config", &config.path().display()).flag("log", &"info").start();
    let person = Person::new("alice");
    let token = person.token();
    let at = server.addresses.http;
    let from = ("X-Forwarded-For", "198.51.100.7");
    let headers = [from, ("FZM-SIGNATURE", token.as_str())];
    let login = http::request(at, "POST", "/user/login?secret=1", &headers, b"{\"connType\":0}");
    login.data();
    http::request(at, "POST", "/user/login", &[from], b"{}").code();
    let missing = http::request(at, "GET", "/no/such%0Apage", &[from], b"");
    assert_eq!(missing.status, 404);

    let expected = [
        format!(
            "method=POST path=\"/user/login\" code=200 result=0 remote=198.51.100.7 user=\"{}\"",
            person.uid
        ),
        "method=POST path=\"/user/login\" code=200 result=-1010 remote=198.51.100.7".to_owned(),
        "method=GET path=\"/no/such%0Apage\" code=404 remote=198.51.100.7".to_owned(),
    ];
    clock::eventually("all lines are there", || lines(&server.process.errors()).len() == 3);
    let errors = server.process.errors();
    assert_eq!(lines(&errors), expected);
    assert!(!errors.contains("secret") && !errors.contains(&token));
}

#[test]
fn the_access_log_can_be_left_out() {
    let server = Setup::default().flag("log", &"info,access=off").start();
    assert_eq!(server.get("/ping").status, 200);
    let errors = || server.process.errors();
    clock::eventually("the rest of the log is there", || errors().contains("serving"));
    assert_eq!(lines(&server.process.errors()), [""; 0]);
}
