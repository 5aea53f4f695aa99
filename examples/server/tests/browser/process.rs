//! A child process with all its descendants: started and killed as one process group.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::wait::DEADLINE;

/// Killed with its whole group by SIGKILL on drop.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    child: Child,
    // Open while the child lives: a closed pipe would break its next line of output.
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

    /// The first result of `pick` over the lines of output.
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

    /// Kills the group and waits for the child's end, which frees its ports and files.
    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().await.expect("a killed child can be waited for");
    }

    /// Terminates the group, and waits for the child's end.
    pub(crate) async fn terminate(&mut self) {
        self.signal(Signal::TERM);
        self.child.wait().await.expect("a child that was asked to end can be waited for");
    }

    /// Sends a signal to the whole group.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            // An error means that the group has ended already.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
