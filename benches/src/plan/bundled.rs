//! Scenario files that come with the program, to run or to start from.

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// Its name, which `run` takes in the place of a file.
    pub name: &'static str,
    /// Its content.
    pub text: &'static str,
}

impl Bundled {
    /// Its subject: the first comment.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.text.lines().next().map_or("", |line| line.trim_start_matches(['#', ' ']))
    }
}

macro_rules! scenarios {
    ($($name:literal),*) => {
        [$(Bundled {
            name: $name,
            text: include_str!(concat!("../../scenarios/", $name, ".toml")),
        }),*]
    };
}

/// All of them.
#[must_use]
pub const fn bundled() -> [Bundled; 8] {
    scenarios![
        "capacity",
        "customer-support",
        "goim",
        "idle",
        "live-room",
        "storm",
        "team-chat",
        "tortoise"
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Options, Plan};

    #[test]
    fn every_one_can_be_run_and_says_what_it_is() {
        for scenario in bundled() {
            let options = Options::read(scenario.text).unwrap_or_else(|e| panic!("{e}"));
            let plan = Plan::new(options);
            assert!(plan.is_ok(), "{}: {plan:?}", scenario.name);
            assert!(scenario.about().len() > 20, "{}", scenario.name);
        }
    }
}
