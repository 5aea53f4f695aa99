//! Groups behind their HTTP interface, on each database.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic as the tests do")]

mod applications;
mod creating;
mod forced;
mod joining;
mod large;
mod leaving;
mod lost;
mod organised;
mod permissions;
mod profile;
mod racing;
mod reading;
mod roles;
mod speaking;
mod support;
