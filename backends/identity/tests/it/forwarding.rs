//! Calls that reach the router behind the authentication.

use comet::Identity;
use comet::simulation::swallowed_calls;
use comet_dtalk::device::DeviceInfo;
use comet_identity::Authenticated;
use tokio::runtime::Handle;

use crate::support::Disk;

#[tokio::test]
async fn all_calls_but_connect_reach_the_inner_router() {
    let disk = Disk::new();
    let registry = disk.registry().await;
    let identity = Identity::new("dtalk", "alice").device("phone").context(DeviceInfo::default());
    let wrap = |inner| Authenticated::new(registry, Handle::current(), ["dtalk"], inner);
    assert_eq!(swallowed_calls(identity, wrap).unwrap(), ["connect"]);
}
