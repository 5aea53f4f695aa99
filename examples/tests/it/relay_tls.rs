//! The relay over TLS, seen by clients that share no code with it: OpenSSL, and Python's `ssl`,
//! which stands on it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use comet_testkit::ports::ANYWHERE;

use crate::secured::Secured;

fn python(program: &str, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new("timeout");
    command.args(["60", "python3", "-c", program]).args(arguments).current_dir(folder);
    command.output().expect("python3")
}

/// Chats in both versions, and comes back by a ticket.
const CHAT: &str = r#"
import socket, ssl, struct, sys

def frame(op, seq, body):
    return struct.pack(">IHHIII", 20 + len(body), 20, 1, op, seq, 0) + body

def take(s, count):
    taken = b""
    while len(taken) < count:
        more = s.recv(count - len(taken))
        assert more, "the end after %d bytes" % len(taken)
        taken += more
    return taken

for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile="cert.pem")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["comet"])
    session = None
    for name in sys.argv[1:]:
        plain = socket.create_connection(("127.0.0.1", int(name)), timeout=20)
        s = context.wrap_socket(plain, server_hostname="localhost", session=session)
        assert s.session_reused == (session is not None), version
        assert s.selected_alpn_protocol() == "comet"
        s.sendall(frame(1, 1, b"\x0a\x05dtalk\x12\x05alice"))
        assert take(s, 20)[8:12] == b"\0\0\0\2", "an auth reply"
        body = bytes(range(256)) * 1000
        s.sendall(frame(7, 2, body))
        first = take(s, 20)
        (length, _, _, op, seq, ack) = struct.unpack(">IHHIII", first)
        assert (op, length) == (9, 20 + len(body)), (op, length)
        assert take(s, len(body)) == body
        assert struct.unpack(">IHHIII", take(s, 20))[3:] == (8, 2, 2)
        session = s.session
        s.unwrap()
    print(version.name)
"#;

#[test]
fn python_chats_in_both_versions_and_comes_back_by_a_ticket() {
    let flags = ["--tls", ANYWHERE, "--any", ANYWHERE, "--delivery", "best-effort"];
    let relay = Secured::relay(&flags);
    let ports = ["tls", "any", "tls"].map(|name| relay.at(name).port().to_string());
    let output = python(CHAT, &ports.each_ref().map(String::as_str), relay.folder());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "TLSv1_2\nTLSv1_3\n", "{output:?}");
}

#[test]
fn openssl_is_refused_another_protocol_and_a_renegotiation() {
    let relay = Secured::relay(&["--tls", ANYWHERE, "--wss", ANYWHERE]);
    let client = |name: &str, flags: &[&str], input: &str| {
        let at = relay.at(name);
        let script = format!("printf '{input}' | timeout 20 openssl s_client -connect {at} \"$@\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "sh"]).args(flags).current_dir(relay.folder());
        let output = shell.stdin(Stdio::null()).output().expect("sh");
        [output.stdout, output.stderr]
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .concat()
    };
    for name in ["tls", "wss"] {
        let served = client(name, &["-alpn", "http/1.1", "-CAfile", "cert.pem"], "");
        assert!(served.contains("ALPN protocol: http/1.1"), "{served}");
        assert!(served.contains("Verify return code: 0 (ok)"), "{served}");
        let refused = client(name, &["-alpn", "h2"], "");
        assert!(refused.contains("SSL alert number 120"), "{refused}");
        for version in ["-tls1", "-tls1_1"] {
            let refused = client(name, &[version, "-cipher", "ALL:@SECLEVEL=0"], "");
            // Of the version, or of the signatures, which older ones do not negotiate.
            let [version, signatures] = [70, 40].map(|alert| format!("SSL alert number {alert}"));
            assert!(refused.contains(&version) || refused.contains(&signatures), "{refused}");
        }
        let refused = client(name, &["-tls1_2"], "R\\n");
        assert!(refused.contains("no renegotiation"), "{refused}");
    }
}
