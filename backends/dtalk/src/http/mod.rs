//! The HTTP conventions of dtalk, for axum handlers.
//!
//! A handler takes a [`Caller`] and a [`Body`] and returns an [`ApiResult`]; in all cases the
//! client gets status 200 and `{"result":int,"message":string,"data":any}`, because it treats any
//! other status as a broken connection.
//!
//! ```
//! use comet_dtalk::http::{Body, Caller, Int64, ApiResult, Reply};
//!
//! #[derive(serde::Deserialize)]
//! struct Remark {
//!     #[serde(rename = "logId")]
//!     log_id: Int64,
//! }
//!
//! async fn remark(Caller(uid): Caller, Body(remark): Body<Remark>) -> ApiResult<String> {
//!     Ok(Reply(format!("{uid} remarked on {}", remark.log_id.0)))
//! }
//! ```
//!
//! Not here: routes, CORS and listeners (the server), verification of tokens (a [`Verify`] in the
//! router's state).

mod body;
mod caller;
mod drain_body;
mod envelope;
mod int64;

pub use body::Body;
pub use caller::{Caller, CallerNote, DEVICE, SIGNATURE, UUID, Verify};
pub use drain_body::DrainBody;
pub use envelope::{ApiError, ApiResult, Nothing, Reply, kept_until_written};
pub use int64::Int64;
