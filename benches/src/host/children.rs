//! Child processes of a run, which end with it.

use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

static CHILDREN: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn with<T>(what: impl FnOnce(&mut Vec<u32>) -> T) -> T {
    what(&mut CHILDREN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A process was started.
pub fn note(pid: u32) {
    with(|children| children.push(pid));
}

/// A process has ended, or is about to be ended by its owner.
pub fn forget(pid: u32) {
    with(|children| children.retain(|child| *child != pid));
}

/// Ends all of them at once. Their owners learn it by themselves, or are about to end too.
pub fn end_all() {
    for child in with(std::mem::take) {
        let pid = i32::try_from(child).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn those_that_are_noted_are_ended_and_the_others_are_not() {
        let start = || Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let [mut noted, mut forgotten] = [start(), start()];
        [&noted, &forgotten].into_iter().for_each(|child| note(child.id()));
        forget(forgotten.id());
        end_all();
        assert_eq!(noted.wait().unwrap().signal(), Some(9));
        drop(forgotten.stdin.take());
        assert!(forgotten.wait().unwrap().success());
    }
}
