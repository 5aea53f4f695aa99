//! Databases of the server: two SQLite files of the data directory, or one database on a server of
//! MySQL, MariaDB or PostgreSQL, on which this process holds the lease.

use std::time::Duration;

use comet_sql::{Fence, Lease, LeaseError, LeaseTimes, Location, Pool, Settings};

use crate::data::Data;

/// The databases, ready to be opened by their backends.
#[derive(Debug)]
pub(crate) struct Databases {
    messages: Location,
    groups: Pool,
    accounts: Pool,
    /// Of a database on a server; on SQLite the lock of the data directory has its place.
    lease: Option<Lease>,
}

impl Databases {
    /// The files of `data`, or the database at `location`, for whose lease it waits.
    pub(crate) async fn open(data: &Data, location: Option<&Location>) -> Result<Self, LeaseError> {
        let Some(location) = location else {
            let mut settings = Settings { wait: Duration::from_secs(5), ..Settings::default() };
            // A login lost in a power cut is repeated; no message is lost.
            settings.sqlite.durable = false;
            let accounts = Pool::new(Location::file(data.accounts()), settings);
            let messages = Location::file(data.messages());
            settings.sqlite.durable = true;
            let groups = Pool::new(messages.clone(), settings);
            return Ok(Self { messages, groups, accounts, lease: None });
        };
        // Apart from the others, so that nothing keeps the lease from being renewed.
        let one = Settings { connections: 1, ..Settings::default() };
        let own = Pool::new(location.clone(), one);
        let lease = Lease::take(&own, &holder(), LeaseTimes::default()).await?;
        let [groups, accounts] = [(); 2].map(|()| {
            let pool = Pool::new(location.clone(), Settings::default());
            pool.guard(lease.fence());
            pool
        });
        Ok(Self { messages: location.clone(), groups, accounts, lease: Some(lease) })
    }

    /// The database of messages, the system of record.
    pub(crate) fn messages(&self) -> Location {
        self.messages.clone()
    }

    /// Groups, in the database of messages: a change and what the members learn of it are one
    /// transaction.
    pub(crate) fn groups(&self) -> Pool {
        self.groups.clone()
    }

    /// Devices and demo names: on SQLite a file of its own, so that logins and messages do not wait
    /// for each other's commits.
    pub(crate) fn accounts(&self) -> Pool {
        self.accounts.clone()
    }

    /// Proof of the lease, for other connections.
    pub(crate) fn fence(&self) -> Option<Fence> {
        self.lease.as_ref().map(Lease::fence)
    }

    /// Waits until another process has taken the lease, and returns its name.
    pub(crate) async fn lost(&self) -> String {
        match &self.lease {
            Some(lease) => lease.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Gives the lease back: the next server has it at once.
    pub(crate) async fn release(self) {
        if let Some(lease) = self.lease
            && let Err(error) = lease.release().await
        {
            tracing::warn!(%error, "lease not given back, it lapses");
        }
    }
}

/// Name of this process for others that want the lease.
fn holder() -> String {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    format!("comet-server, process {} on {host}", std::process::id())
}
