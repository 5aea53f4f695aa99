//! One server process, its directory, and the shell that ends both with this process.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use comet_sql::{Location, Pool, Settings};
use rustix::process::{Pid, Signal, kill_process};

use crate::template::{
    as_root, make_accessible, postgres, program, succeed, template, unprivileged,
};
use crate::{Kind, fresh_name};

/// Wait for a connection to a server, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "täst";

/// Starts and kills a server on request, and ends with its standard input: it then kills the
/// server, and removes its directory. A start is answered when the server is ready, or has failed,
/// or is not ready after a minute.
const GUARD: &str = r#"
dir=$1
ready=$2
shift 2
pid=
start() {
  "$@" < /dev/null >> "$dir/log" 2>&1 &
  pid=$!
  tries=1500
  until sh -c "$ready" > /dev/null 2>&1; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ] || ! kill -0 "$pid" 2> /dev/null; then
      echo failed
      return
    fi
    sleep 0.04
  done
  echo "$pid"
}
end() {
  if [ -n "$pid" ]; then
    # PostgreSQL has a process for each connection, which outlives the first for a moment, and with
    # it the shared memory, whose existence forbids another start. A stopped server makes no more.
    kill -STOP "$pid" 2> /dev/null
    children=$(cat "/proc/$pid/task/$pid/children" 2> /dev/null)
    kill -9 "$pid" $children 2> /dev/null
    for child in $children; do
      while grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$child/status" 2> /dev/null; do
        sleep 0.01
      done
    done
    wait "$pid" 2> /dev/null
    pid=
  fi
}
while read -r word; do
  case $word in
    start) start "$@" ;;
    kill) end; echo killed ;;
  esac
done
end
rm -rf "$dir"
"#;

/// A private server.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    dir: PathBuf,
    port: u16,
    guard: Mutex<Guard>,
}

/// Durability of a commit when it is answered.
#[derive(Clone, Copy, Debug)]
enum Commits {
    /// In the buffers of the system.
    Buffered,
    /// On the disk.
    Durable,
}

#[derive(Debug)]
struct Guard {
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    shell: Child,
    pid: Option<Pid>,
}

impl Server {
    /// Starts a server, and waits until it answers.
    ///
    /// # Panics
    ///
    /// It cannot be started; the panic has its log.
    #[must_use]
    pub fn start(kind: Kind) -> Self {
        Self::start_in(kind, &env::temp_dir())
    }

    /// Starts a server with its directory in another one.
    ///
    /// # Panics
    ///
    /// It cannot be started; the panic has its log.
    #[must_use]
    pub fn start_in(kind: Kind, parent: &Path) -> Self {
        Self::start_with(kind, parent, Commits::Buffered)
    }

    /// Starts a server that answers a commit when it is on the disk, as servers do unless they are
    /// told otherwise.
    ///
    /// # Panics
    ///
    /// It cannot be started; the panic has its log.
    #[must_use]
    pub fn start_durable(kind: Kind) -> Self {
        Self::start_with(kind, &env::temp_dir(), Commits::Durable)
    }

    fn start_with(kind: Kind, parent: &Path, commits: Commits) -> Self {
        let template = template(kind);
        let dir = tempfile::Builder::new().prefix("comet-sql-").tempdir_in(parent);
        let dir = dir.expect("a temporary directory").keep();
        let port = free_port();
        // Before anything is in it: whatever happens then, it is removed.
        let guard = Mutex::new(Guard::new(
            &dir,
            &ready(kind, &dir, port),
            &command(kind, &dir, port, commits),
        ));
        let server = Self { kind, dir, port, guard };
        succeed(
            Command::new("cp").args(["-a", "--reflink=auto"]).arg(&template).arg(server.data()),
        );
        make_accessible(&server.dir);
        if kind == Kind::MariaDb {
            let user = format!(
                "CREATE USER IF NOT EXISTS 'comet'@'%' IDENTIFIED BY '{PASSWORD}';\n\
                 GRANT ALL ON *.* TO 'comet'@'%';\n"
            );
            fs::write(server.dir.join("init.sql"), user).expect("a file");
        }
        server.resume();
        server
    }

    /// Kills the server as a power failure of its process would.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn kill(&self) {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        guard.pid.take().expect("a server that runs");
        assert_eq!(guard.order("kill"), "killed");
        drop(guard);
        let _no_longer = fs::remove_file(self.data().join("postmaster.pid"));
    }

    /// Starts the server again after [`Server::kill`], and waits until it answers.
    ///
    /// # Panics
    ///
    /// It cannot be started; the panic has its log.
    pub fn resume(&self) {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(pid) = guard.order("start").parse() else {
            panic!("{:?} does not start: {}", self.kind, self.log());
        };
        guard.pid = Pid::from_raw(pid);
    }

    /// Stops the server without ending it: connections stay, and nothing is answered.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`Server::freeze`].
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = guard.pid.expect("a server that runs");
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let pids = children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
        for pid in [pid].into_iter().chain(pids) {
            // A child may have ended since.
            let _ended = kill_process(pid, signal);
        }
    }

    /// Makes an empty database, and returns its URL.
    ///
    /// # Panics
    ///
    /// The server refuses it.
    pub async fn database(&self) -> String {
        let (name, first) = (
            fresh_name(),
            self.url(match self.kind {
                Kind::MariaDb => "mysql",
                Kind::Postgres | Kind::Sqlite => "postgres",
            }),
        );
        let create = match self.kind {
            // By the rules of a locale upper and lower case sort together.
            Kind::Postgres => format!(
                "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu \
                 ICU_LOCALE 'en' LOCALE 'C.UTF-8'"
            ),
            Kind::MariaDb | Kind::Sqlite => format!("CREATE DATABASE {name}"),
        };
        let location: Location = first.parse().expect("a URL");
        let pool = Pool::new(location, Settings { wait: PATIENCE, ..Settings::default() });
        let mut db = pool.lend().await.expect("a connection");
        db.run_owned(create).await.expect("a database");
        drop(db);
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        let port = self.port;
        match self.kind {
            Kind::MariaDb => format!("mariadb://comet:t%C3%A4st@127.0.0.1:{port}/{database}"),
            Kind::Postgres => format!("postgres://postgres@127.0.0.1:{port}/{database}"),
            Kind::Sqlite => unreachable!("SQLite has no server"),
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let guard = self.guard.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(guard.orders.take());
        let _ended = guard.shell.wait();
    }
}

impl Guard {
    fn new(dir: &Path, ready: &str, command: &[String]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(dir)
            .arg(ready)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let orders = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("a pipe"));
        Self { orders, answers, shell, pid: None }
    }

    fn order(&mut self, word: &str) -> String {
        let orders = self.orders.as_mut().expect("a shell that runs");
        writeln!(orders, "{word}").expect("a shell that runs");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("a shell that runs");
        answer.trim().to_owned()
    }
}

/// Command that succeeds when the server takes connections.
fn ready(kind: Kind, dir: &Path, port: u16) -> String {
    match kind {
        Kind::MariaDb => {
            let (client, socket) = (program("mariadb-admin", "mariadb-client"), dir.join("socket"));
            let (client, socket) = (client.display(), socket.display());
            format!("{client} --no-defaults -u root -S {socket} ping")
        }
        Kind::Postgres => {
            format!("{} -q -h 127.0.0.1 -p {port}", postgres("pg_isready").display())
        }
        Kind::Sqlite => unreachable!("SQLite has no server"),
    }
}

fn command(kind: Kind, dir: &Path, port: u16, commits: Commits) -> Vec<String> {
    let (data, port) = (dir.join("data").display().to_string(), port.to_string());
    let dir = dir.display();
    match kind {
        Kind::MariaDb => [program("mariadbd", "mariadb-server").display().to_string()]
            .into_iter()
            .chain(["--no-defaults".to_owned()])
            .chain(as_root().then(|| "--user=root".to_owned()))
            .chain([
                format!("--datadir={data}"),
                format!("--socket={dir}/socket"),
                format!("--pid-file={dir}/pid"),
                format!("--init-file={dir}/init.sql"),
                format!("--port={port}"),
                "--bind-address=127.0.0.1".into(),
                "--skip-name-resolve".into(),
                "--skip-log-bin".into(),
                match commits {
                    Commits::Buffered => "--innodb-flush-log-at-trx-commit=2".into(),
                    Commits::Durable => "--innodb-flush-log-at-trx-commit=1".into(),
                },
                "--innodb-buffer-pool-size=64M".into(),
                "--innodb-log-file-size=16M".into(),
                "--character-set-server=latin1".into(),
                "--collation-server=latin1_swedish_ci".into(),
            ])
            .collect(),
        Kind::Postgres => unprivileged()
            .into_iter()
            .chain([postgres("postgres").display().to_string(), "-D".into(), data])
            .chain(["-p".into(), port])
            .chain(["-c".into(), "listen_addresses=127.0.0.1".into()])
            .chain(["-c".into(), format!("unix_socket_directories={dir}")])
            .chain([
                "-c".into(),
                match commits {
                    Commits::Buffered => "fsync=off".into(),
                    Commits::Durable => "fsync=on".into(),
                },
            ])
            .collect(),
        Kind::Sqlite => unreachable!("SQLite has no server"),
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}
