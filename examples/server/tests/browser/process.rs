//! A child process with all its descendants: started as a group of its own, killed as one.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::wait::DEADLINE;

/// Dies with this value, by SIGKILL and with everything it started in its group.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    child: Child,
    // Open for as long as the child lives: a closed pipe would break its next line of output.
    stdout: Lines<BufReader<ChildStdout>>,
}

impl ProcessGroup {
    pub(crate) fn start(mut command: Command) -> std::io::Result<Self> {
        let mut child = command
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("stdout is piped");
        Ok(Self { child, stdout: BufReader::new(stdout).lines() })
    }

    /// What `pick` finds in the first line of output in which it finds anything.
    pub(crate) async fn await_line<T>(
        &mut self,
        mut pick: impl FnMut(&str) -> Option<T>,
    ) -> Option<T> {
        let found = timeout(DEADLINE, async {
            while let Ok(Some(line)) = self.stdout.next_line().await {
                if let Some(found) = pick(&line) {
                    return Some(found);
                }
            }
            None
        });
        found.await.ok().flatten()
    }

    /// Kills the group and waits for the child's end, so that its ports and files are free.
    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().await.expect("a killed child can be waited for");
    }

    /// Asks the group to end, and waits for the child's end.
    pub(crate) async fn terminate(&mut self) {
        self.signal(Signal::TERM);
        self.child.wait().await.expect("a child that was asked to end can be waited for");
    }

    /// Sends a signal to the whole group.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            // An error means that the group has ended by itself.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
