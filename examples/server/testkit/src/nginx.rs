//! nginx as packaged by Debian, in a directory of the test's own.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use comet_testkit::clock;
use comet_testkit::ports::free;
use comet_testkit::program::Program;
use tempfile::TempDir;

/// Number of ports tried: another process may take one before nginx does.
const ATTEMPTS: usize = 5;

/// A running nginx; stopped on drop.
#[derive(Debug)]
pub struct Nginx {
    // Declared before its files, so that it is killed before they are removed.
    _process: Program,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    /// Starts one with these locations; all timeouts are nginx's defaults.
    pub fn start(locations: &str) -> Self {
        Self::serving(|address| format!("server {{\nlisten {address};\n{locations}}}\n"))
    }

    /// Starts one with these servers in its section `http`, one of them listening at the address.
    /// Names of sockets are relative to its own directory.
    pub fn serving(servers: impl Fn(SocketAddr) -> String) -> Self {
        for _ in 0..ATTEMPTS {
            if let Some(nginx) = Self::try_start(&servers) {
                return nginx;
            }
        }
        panic!("nginx does not start: it is in Debian's package nginx-light")
    }

    /// A location that proxies WebSocket, as in nginx's documentation.
    pub fn websocket(path: &str, to: SocketAddr) -> String {
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
        let log = folder.path().join("error.log");
        let mut command = Command::new(program());
        command.arg("-p").arg(folder.path()).arg("-e").arg(&log).arg("-c").arg(&file);
        let mut process = Program::start_with_log(command.current_dir(folder.path()), &log);
        // Written once it listens: another process may answer at the address.
        let pid = folder.path().join("nginx.pid");
        let is_up = clock::until("nginx is up or has ended", || {
            let listens = std::fs::metadata(&pid).is_ok_and(|file| file.len() > 0);
            if listens && TcpStream::connect(address).is_ok() {
                return Some(true);
            }
            process.has_ended().then_some(false)
        });
        is_up.then_some(Self { _process: process, address, _folder: folder })
    }
}

/// Debian's path of the program, which is not in every user's `PATH`.
fn program() -> &'static str {
    let usual = "/usr/sbin/nginx";
    if std::path::Path::new(usual).exists() { usual } else { "nginx" }
}
