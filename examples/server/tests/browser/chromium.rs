//! Headless Chromium under WebDriver: one driver, and browsers that keep their profile when killed.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;

use fantoccini::wd::{Capabilities, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::json;
use tokio::process::Command;

use crate::folder::Folder;
use crate::process::ProcessGroup;
use crate::wait;

const MISSING: &str = "install Chromium and its driver to run the browser tests, on Debian: \
     apt-get install --no-install-recommends chromium chromium-driver";

/// The driver takes a free port of one address family, and ends if that of the other family is in
/// use, even by a connection: it is started again.
const ATTEMPTS: usize = 5;

/// A private chromedriver on a free port; the files of its browsers are in one directory.
#[derive(Debug)]
pub(crate) struct Driver {
    url: String,
    chromium: PathBuf,
    // Declared before its files, so that it is killed before they are removed.
    _process: ProcessGroup,
    files: Folder,
}

impl Driver {
    pub(crate) async fn start() -> Self {
        let (Some(driver), Some(chromium)) = (on_path("chromedriver"), on_path("chromium")) else {
            panic!("{MISSING}");
        };
        let files = Folder::new();
        for _ in 0..ATTEMPTS {
            let mut command = Command::new(&driver);
            command.arg("--port=0").env("TMPDIR", files.path()).stderr(Stdio::null());
            let mut process = ProcessGroup::start(command).expect("chromedriver starts");
            if let Some(port) = process.await_line(port_in).await {
                let url = format!("http://127.0.0.1:{port}");
                return Self { url, chromium, _process: process, files };
            }
        }
        panic!("chromedriver does not say its port");
    }

    /// A browser with a fresh profile: another person, or another device.
    pub(crate) async fn browser(&self) -> Browser {
        let profile = tempfile::tempdir_in(self.files.path()).expect("a directory for the profile");
        self.start_browser(profile.keep()).await
    }

    /// The killed browser, started again by its user.
    pub(crate) async fn restart(&self, killed: KilledBrowser) -> Browser {
        self.start_browser(killed.profile).await
    }

    async fn start_browser(&self, profile: PathBuf) -> Browser {
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(self.capabilities(&profile))
            .connect(&self.url)
            .await
            .expect("chromedriver starts a browser");
        let pid = Some(browser_pid(&profile).await);
        let window = client.window().await.expect("a window");
        let in_front = Rc::new(RefCell::new(window.clone()));
        Browser { client, window, in_front, pid, profile }
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
        // The server's certificate is one for development.
        let trust = ("acceptInsecureCerts".to_owned(), json!(true));
        Capabilities::from_iter([("goog:chromeOptions".to_owned(), options), trust])
    }
}

/// A window of a running browser, which is killed when its first one is dropped.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) client: Client,
    window: WindowHandle,
    /// The window that takes commands.
    in_front: Rc<RefCell<WindowHandle>>,
    /// In its first window only.
    pid: Option<Pid>,
    profile: PathBuf,
}

/// The files of a killed browser.
#[derive(Debug)]
pub(crate) struct KilledBrowser {
    profile: PathBuf,
}

impl Browser {
    /// Another window of the same browser, which shares its profile: for another user, as one name
    /// is in one window only.
    pub(crate) async fn window(&self) -> Self {
        let window = self.client.new_window(false).await.expect("a window").handle;
        let (client, in_front) = (self.client.clone(), Rc::clone(&self.in_front));
        Self { client, window, in_front, pid: None, profile: self.profile.clone() }
    }

    /// The client, whose commands go to this window.
    pub(crate) async fn in_front(&self) -> &Client {
        let is_in_front = *self.in_front.borrow() == self.window;
        if !is_in_front {
            self.client.switch_to_window(self.window.clone()).await.expect("an open window");
            self.in_front.replace(self.window.clone());
        }
        &self.client
    }

    /// SIGKILL: nothing is flushed, no page is told.
    pub(crate) async fn kill(mut self) -> KilledBrowser {
        let pid = self.pid.take().expect("a browser is killed once");
        kill(pid);
        // The driver is the browser's parent, and reaps it when the session ends; the session
        // cannot end orderly, which is intended.
        let _ = self.client.clone().close().await;
        wait::poll(async || test_kill_process(pid).map_or(Ok(()), Err))
            .await
            .expect("a killed browser ends");
        KilledBrowser { profile: self.profile.clone() }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            kill(pid);
        }
    }
}

fn kill(pid: Pid) {
    // An error means that it has ended already.
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
