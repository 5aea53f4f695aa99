//! Headless Chromium under WebDriver: one driver, and browsers that keep their profile when killed.

use std::path::{Path, PathBuf};

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::process::ProcessGroup;
use crate::wait;

const MISSING: &str = "install Chromium and its driver to run the browser tests, on Debian: \
     apt-get install --no-install-recommends chromium chromium-driver";

/// A private chromedriver on a free port.
#[derive(Debug)]
pub(crate) struct Driver {
    url: String,
    chromium: PathBuf,
    _process: ProcessGroup,
}

impl Driver {
    pub(crate) async fn start() -> Self {
        let (Some(driver), Some(chromium)) = (on_path("chromedriver"), on_path("chromium")) else {
            panic!("{MISSING}");
        };
        let mut command = Command::new(driver);
        command.arg("--port=0").stderr(std::process::Stdio::null());
        let mut process = ProcessGroup::start(command).expect("chromedriver starts");
        let port = process.await_line(port_in).await.expect("chromedriver says its port");
        Self { url: format!("http://127.0.0.1:{port}"), chromium, _process: process }
    }

    /// A browser with a fresh profile: another person, or another device.
    pub(crate) async fn browser(&self) -> Browser {
        let profile = tempfile::tempdir().expect("a directory for the profile");
        self.start_browser(profile).await
    }

    /// The killed browser again, as its owner would start it again.
    pub(crate) async fn restart(&self, killed: KilledBrowser) -> Browser {
        self.start_browser(killed.profile).await
    }

    async fn start_browser(&self, profile: TempDir) -> Browser {
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(self.capabilities(profile.path()))
            .connect(&self.url)
            .await
            .expect("chromedriver starts a browser");
        let pid = browser_pid(profile.path()).await;
        Browser { client, pid, profile: Some(profile) }
    }

    fn capabilities(&self, profile: &Path) -> Capabilities {
        let options = json!({
            "binary": self.chromium,
            "args": [
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-dev-shm-usage",
                "--disable-sync",
                "--window-size=1100,760",
                format!("--user-data-dir={}", profile.display()),
            ],
        });
        Capabilities::from_iter([("goog:chromeOptions".to_owned(), options)])
    }
}

/// One running browser. It is killed when dropped, and its profile deleted.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) client: Client,
    pid: Pid,
    profile: Option<TempDir>,
}

/// What a killed browser leaves behind on the disk.
#[derive(Debug)]
pub(crate) struct KilledBrowser {
    profile: TempDir,
}

impl Browser {
    /// SIGKILL: nothing is flushed, no page is told.
    pub(crate) async fn kill(mut self) -> KilledBrowser {
        let profile = self.profile.take().expect("only here the profile is taken away");
        kill(self.pid);
        // The driver is the browser's parent, and collects it when the session ends; that the
        // session cannot end well is the point.
        let _ = self.client.clone().close().await;
        wait::poll(async || test_kill_process(self.pid).map_or(Ok(()), Err))
            .await
            .expect("a killed browser ends");
        KilledBrowser { profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if self.profile.is_some() {
            kill(self.pid);
        }
    }
}

fn kill(pid: Pid) {
    // An error means that it has ended by itself.
    let _ = kill_process(pid, Signal::KILL);
}

// Chromium marks the profile in use by a link to "host-pid"; a stale one is replaced at the start.
async fn browser_pid(profile: &Path) -> Pid {
    let lock = profile.join("SingletonLock");
    let target = wait::poll(async || std::fs::read_link(&lock)).await.expect("a locked profile");
    let pid = target.to_string_lossy().rsplit('-').next().and_then(|pid| pid.parse().ok());
    pid.and_then(Pid::from_raw).expect("the lock names a process")
}

fn port_in(line: &str) -> Option<u16> {
    line.strip_prefix("ChromeDriver was started successfully on port ")?
        .trim_end_matches('.')
        .parse()
        .ok()
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
