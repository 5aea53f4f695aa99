//! Loads that a server with accounts can take.

use std::time::Duration;

use crate::dialect::Dialect;
use crate::plan::bounds::within;
use crate::plan::{Accounts, Kind, Options, Plan, PlanError, Topology};

/// The longest message: with dtalk's envelope, what the bundled server takes by default.
const LONGEST: usize = 15 * 1_024;
/// A token of the demo is good for two minutes, and cannot be signed anew.
const FRESH: Duration = Duration::from_secs(100);

/// Source of credentials, if one is given.
pub(super) fn accounts(given: &Options) -> Result<Option<Accounts>, PlanError> {
    let demo = given.accounts.demo.clone().map(Accounts::Demo);
    let file = given.accounts.token_file.clone().map(Accounts::File);
    let signed = given.accounts.sign.unwrap_or(false).then_some(Accounts::Signed);
    let mut asked = [demo, file, signed].into_iter().flatten();
    let first = asked.next();
    match asked.next() {
        None => Ok(first),
        Some(other) => {
            let with = "credentials from elsewhere: `demo`, `token-file` or `sign`";
            Err(PlanError::Contradiction { key: other.key(), with })
        }
    }
}

/// Whether the plan can be carried out with its accounts.
pub(super) fn check(plan: &Plan) -> Result<(), PlanError> {
    if plan.given.accounts.http.is_some() && plan.accounts != Some(Accounts::Signed) {
        let with = "anything but `sign`, whose users become members of groups";
        return Err(PlanError::Contradiction { key: "http", with });
    }
    let Some(accounts) = &plan.accounts else { return Ok(()) };
    let (kind, dialect, key) = (plan.kind, plan.dialect, accounts.key());
    if plan.given.server.addr.as_ref().is_none_or(Vec::is_empty) {
        let with = "the relay, which believes any name: `addr` must name a server with accounts";
        return Err(PlanError::Contradiction { key, with });
    }
    if !matches!(dialect, Dialect::Comet | Dialect::Dtalk) {
        return Err(PlanError::Dialect { kind, dialect, needs: "logins by token" });
    }
    let needs = "rooms that clients join by themselves, and a server with accounts has groups, \
                 which its HTTP API keeps; idle, connect, echo and chat can be run, and chat with \
                 groups if `sign` and `http` are given";
    match plan.topology {
        Topology::Alone => {}
        Topology::Rooms { memberships: 0, .. } if matches!(kind, Kind::Idle | Kind::Connect) => {}
        Topology::Groups { groups: 0, private: 1.0, .. } => {}
        Topology::Groups { .. } if plan.given.accounts.http.is_some() => {}
        Topology::Rooms { .. } | Topology::Groups { .. } => {
            return Err(PlanError::Accounts { kind, key, needs });
        }
    }
    let churn = plan.disturbances.churn.filter(|_| kind == Kind::Chat);
    if churn.is_some_and(|it| it.breaks > 0.0) && !dialect.features().resume {
        let with = "accounts in dtalk: a device that comes back is sent again what it did not ack";
        return Err(PlanError::Contradiction { key: "breaks", with });
    }
    let comes_back = kind == Kind::Connect || churn.is_some_and(|it| it.leaves > 0.0);
    let lasts = plan.times.warm_up + plan.times.measure;
    if matches!(accounts, Accounts::Demo(_)) && comes_back && lasts > FRESH {
        let with = "logins for more than 100 s: its tokens are good for two minutes";
        return Err(PlanError::Contradiction { key, with });
    }
    within("size", plan.size, 0, LONGEST)
}
