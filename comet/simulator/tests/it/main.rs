//! The simulator and its judge: each rule is seen to fail, the gateway keeps its contract, and
//! gateways and routers with a known defect are found not to.

mod defects;
mod deliveries;
mod fairness;
mod gaps;
mod letters;
mod seeds;
mod sessions;
mod story;
mod upstream;
