//! Reports of attacks: a line for each, a table, JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::arena::{Check, seconds};
use crate::attack::{Attack, AttackResult};

/// Prints names and descriptions.
pub(crate) fn list(attacks: &[Attack]) {
    for attack in attacks {
        let mark = if attack.quick { "*" } else { " " };
        println!("{:<34}{mark} {}", attack.name, attack.what);
    }
    println!("{} attacks; * is a part of the ordinary tests", attacks.len());
}

fn bounds(checks: &[Check]) -> String {
    let bounds = checks.iter().map(|check| match check.bound.as_str() {
        "yes" => check.what.clone(),
        bound => format!("{} {bound}", check.what),
    });
    bounds.collect::<Vec<_>>().join("; ")
}

fn measured(checks: &[Check]) -> String {
    let measured = checks.iter().map(|check| match check.holds {
        true => check.measured.clone(),
        false => format!("{}!", check.measured),
    });
    measured.collect::<Vec<_>>().join("; ")
}

/// One attack: a line if all checks passed, and else the failed ones.
pub(crate) fn line(result: &AttackResult) -> String {
    let verdict = if result.holds() { "ok" } else { "VIOLATED" };
    let mut line = format!("{:<34} {verdict:<9} {:>7}", result.name, seconds(result.took));
    for check in &result.checks {
        let mark = if check.holds { "" } else { "  <- violated" };
        let Check { what, bound, measured, .. } = check;
        let _ = write!(line, "\n    {what}: {measured} (bound {bound}){mark}");
    }
    line
}

/// The number of attacks that passed.
pub(crate) fn sum(results: &[AttackResult]) -> String {
    let violated: Vec<&str> =
        results.iter().filter(|result| !result.holds()).map(|result| result.name).collect();
    let took = results.iter().map(|result| result.took).sum();
    let mut text = format!("{} attacks in {}", results.len(), seconds(took));
    match violated.as_slice() {
        [] => text.push_str(", all bounds kept"),
        names => {
            let _ = write!(text, ", {} violated: {}", names.len(), names.join(", "));
        }
    }
    text
}

/// The table as Markdown.
pub(crate) fn markdown(results: &[AttackResult]) -> String {
    let mut text = String::from(
        "| attack | what is done | bound | measured | kept |\n|---|---|---|---|---|\n",
    );
    for result in results {
        let AttackResult { name, what, checks, .. } = result;
        let (bounds, measured) = (bounds(checks), measured(checks));
        let kept = if result.holds() { "yes" } else { "**no**" };
        let _ = writeln!(text, "| `{name}` | {what} | {bounds} | {measured} | {kept} |");
    }
    text
}

/// All results as JSON.
pub(crate) fn json(results: &[AttackResult]) -> Value {
    let results = results.iter().map(|result| {
        let checks: Vec<Value> = result.checks.iter().map(check).collect();
        let took = result.took.as_millis() as u64;
        let ok = result.holds();
        let AttackResult { name, what, .. } = result;
        json!({ "name": name, "what": what, "ok": ok, "ms": took, "checks": checks })
    });
    Value::Array(results.collect())
}

fn check(check: &Check) -> Value {
    let Check { what, bound, measured, holds } = check;
    json!({ "what": what, "bound": bound, "measured": measured, "ok": holds })
}
