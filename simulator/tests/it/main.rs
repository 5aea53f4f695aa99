//! The simulator and its judge: each rule is seen to fail, each planted defect to be found, and the
//! gateway to keep its contract.

mod deliveries;
mod fairness;
mod gaps;
mod letters;
mod seeds;
mod sessions;
mod story;
mod upstream;
