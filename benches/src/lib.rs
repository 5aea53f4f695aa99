//! Load through real sockets, with every delivery checked.
//!
//! Imports go down this list only; a test holds it:
//!
//! * [`command`]: the command line;
//! * [`suite`]: several servers under the same loads, each run a process of this program;
//! * [`scenario`]: the runs of the binary: steps of the engine, and figures of its results;
//! * [`compare`]: kept reports side by side, and [`page`]: reports for a browser;
//! * [`report`]: figures and violations of a run, as data, text and JSON;
//! * [`run`]: the engine: threads of sessions, the phases of a run, samples;
//! * [`plan`]: options of a run, from a command line or a file, and the layout of its sessions;
//! * [`audience`]: the events of sessions, counted and timed;
//! * [`oracle`]: losses, repeats, wrong order, and the exactness of gaps;
//! * [`proxy`]: forwards between clients and gateway, and breaks connections;
//! * [`driver`]: thousands of client sessions on one thread, over TCP or WebSocket;
//! * [`dialect`]: the client's half of each kind of server, without IO;
//! * [`account`]: users of a server that knows its users, and their credentials;
//! * [`server`]: the gateway under test as a child process, and its CPU and memory;
//! * [`floor`]: a bare server, the lower bound of the work's cost;
//! * [`terminal`]: progress of a run;
//! * [`host`], [`clock`], [`schedule`], [`latency`], [`timeline`], [`number`]: small parts.
//!
//! The engine and the reports know nothing of each other: `scenario` stands above both.
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
pub mod host;
pub mod latency;
pub mod number;
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
pub mod timeline;
