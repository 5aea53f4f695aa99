//! nginx as packaged by Debian, in a directory of the test's own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::clock;

/// Number of ports tried: another process may take one before nginx does.
const ATTEMPTS: usize = 5;

/// A running nginx; stopped on drop.
#[derive(Debug)]
pub(crate) struct Nginx {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    /// Starts one with these locations; all timeouts are nginx's defaults.
    pub(crate) fn start(locations: &str) -> Self {
        Self::serving(|address| format!("server {{\nlisten {address};\n{locations}}}\n"))
    }

    /// Starts one with these servers in its section `http`, one of them listening at the address.
    /// Names of sockets are relative to its own directory.
    pub(crate) fn serving(servers: impl Fn(SocketAddr) -> String) -> Self {
        for _ in 0..ATTEMPTS {
            if let Some(nginx) = Self::try_start(&servers) {
                return nginx;
            }
        }
        panic!("nginx does not start: it is in Debian's package nginx-light")
    }

    /// A location that proxies WebSocket, as in nginx's documentation.
    pub(crate) fn websocket(path: &str, to: SocketAddr) -> String {
        format!(
            "location {path} {{\n\
             proxy_pass http://{to};\n\
             proxy_http_version 1.1;\n\
             proxy_set_header Upgrade $http_upgrade;\n\
             proxy_set_header Connection \"upgrade\";\n\
             }}\n"
        )
    }

    fn try_start(servers: &impl Fn(SocketAddr) -> String) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a directory");
        let address = free();
        let servers = servers(address);
        let dir = folder.path().display();
        let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|name| format!("{name}_temp_path {dir}/{name};\n"))
            .collect();
        let text = format!(
            "daemon off;\nmaster_process off;\npid {dir}/nginx.pid;\n\
             error_log {dir}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{places}\
             {servers}}}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, text).expect("a configuration");
        let mut child = Command::new(program())
            .arg("-p")
            .arg(folder.path())
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .arg("-c")
            .arg(&file)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx, of Debian's package nginx-light");
        // Written once it listens: another process may answer at the address.
        let pid = folder.path().join("nginx.pid");
        let is_up = clock::until("nginx is up or has ended", || {
            let listens = std::fs::metadata(&pid).is_ok_and(|file| file.len() > 0);
            if listens && TcpStream::connect(address).is_ok() {
                return Some(true);
            }
            child.try_wait().expect("a child").map(|_| false)
        });
        // Dropped, and thus stopped and reaped, on failure.
        let nginx = Self { child, address, folder };
        is_up.then_some(nginx)
    }
}

/// An address that is free at the moment.
pub(crate) fn free() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address")
}

/// Debian's path of the program, which is not in every user's `PATH`.
fn program() -> &'static str {
    let usual = "/usr/sbin/nginx";
    if std::path::Path::new(usual).exists() { usual } else { "nginx" }
}

#[expect(clippy::print_stderr, reason = "shown with the test that failed")]
impl Drop for Nginx {
    fn drop(&mut self) {
        // Fails only if it has ended, and then the wait is short as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("error.log"));
            eprintln!("--- errors of nginx:\n{}---", log.unwrap_or_default());
        }
    }
}
