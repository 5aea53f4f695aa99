//! Help texts with the defaults of each scenario.

use clap::{Arg, Command, ValueEnum};

use crate::plan::{Kind, applies, default_of};

/// Adds defaults to the options of scenarios, and leaves out those that mean nothing to one.
pub(super) fn with_defaults(mut command: Command) -> Command {
    for kind in Kind::value_variants() {
        let name = kind.to_string();
        command = command.mut_subcommand(name, |it| it.mut_args(|arg| of(*kind, arg)));
    }
    command
}

fn of(kind: Kind, arg: Arg) -> Arg {
    let Some(name) = arg.get_long().map(str::to_owned) else { return arg };
    if name == "help" {
        return arg;
    }
    if !applies(kind, &name) {
        return arg.hide(true);
    }
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    match default_of(kind, &name) {
        Some(default) if !help.contains("[default") => {
            arg.help(format!("{help} [default: {default}]"))
        }
        _ => arg,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Options that are switched on by being given, and have nothing in their place.
    const WITHOUT: [&str; 13] = [
        "help",
        "insecure",
        "relay-flag",
        "json",
        "html",
        "label",
        "fail-above",
        "window",
        "rate",
        "demo",
        "token-file",
        "http",
        "sign",
    ];

    #[test]
    fn every_option_of_a_scenario_says_its_default() {
        let command = with_defaults(super::super::Command::command());
        for kind in Kind::value_variants() {
            let name = kind.to_string();
            let found = command.find_subcommand(&name).expect("a scenario");
            for arg in found.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let long = arg.get_long().expect("a name");
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                let says = help.contains("[default") || WITHOUT.contains(&long);
                assert!(says, "{name} --{long}: {help}");
            }
        }
    }

    #[test]
    fn help_is_about_the_scenario_and_tells_what_it_will_do() {
        let mut command = with_defaults(super::super::Command::command());
        let mut help = |name: &str| {
            command.find_subcommand_mut(name).expect("a scenario").render_long_help().to_string()
        };
        let fan = help("fan");
        assert!(fan.contains("Client sessions [default: 1000]"), "{fan}");
        assert!(fan.contains("[default: 50]") && !fan.contains("--stalled"), "{fan}");
        let tortoise = help("tortoise");
        assert!(tortoise.contains("Client sessions [default: 10000]"), "{tortoise}");
        assert!(tortoise.contains("--stalled"), "{tortoise}");
    }
}
