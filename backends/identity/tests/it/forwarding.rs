//! Calls that reach the router behind the authentication.

use comet::Identity;
use comet::simulation::swallowed_calls;
use comet_dtalk::device::DeviceInfo;
use comet_identity::Authenticated;
use comet_sql_testing::{Database, Kind};
use tokio::runtime::Handle;

use crate::support;

#[tokio::test]
async fn all_calls_but_connect_reach_the_inner_router() {
    let registry = support::registry(&Database::new(Kind::Sqlite).await).await;
    let identity = Identity::new("dtalk", "alice").device("phone").context(DeviceInfo::default());
    let wrap = |inner| Authenticated::new(registry, Handle::current(), ["dtalk"], inner);
    assert_eq!(swallowed_calls(identity, wrap).unwrap(), ["connect"]);
}
