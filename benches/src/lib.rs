//! Load through real sockets, with every delivery checked.
//!
//! * [`driver`]: thousands of client sessions on one thread, over TCP or WebSocket;
//! * [`dialect`]: what the sessions say, by kind of server;
//! * [`oracle`]: what was lost, came twice or out of order, and whether gaps say so exactly;
//! * [`account`]: users of a server that knows its users, and their credentials;
//! * [`plan`]: what is to be run, from a command line or a file;
//! * [`proxy`]: stands between clients and gateway and breaks connections;
//! * [`floor`]: a bare server, the least that the work costs;
//! * [`server`]: the gateway under test as a child process, and what it uses;
//! * [`run`]: threads of sessions, the phases of a run, and what is looked at meanwhile;
//! * [`scenario`]: the runs that the binary offers;
//! * [`suite`]: several servers under the same loads;
//! * [`terminal`]: what is seen of a run while it goes;
//! * [`report`]: figures and violations of a run, and [`page`]: the same for a browser;
//! * [`command`]: the command line;
//! * [`compare`]: reports that were kept, beside each other.
//!
//! What is not here: how a session of the comet dialect behaves (`comet_protocol::client`), and
//! any knowledge of how the gateway is made; it is driven through its sockets alone.

pub mod account;
pub mod audience;
pub mod clock;
pub mod command;
pub mod compare;
pub mod dialect;
pub mod driver;
pub mod floor;
pub mod latency;
pub mod oracle;
pub mod page;
pub mod plan;
pub mod proxy;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod server;
pub mod suite;
pub mod terminal;
