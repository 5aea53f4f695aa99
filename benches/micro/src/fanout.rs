//! CPU time of a publish per member of a room, excluding the kernel.

use std::time::Duration;

use comet::Class;
use rustix::time::{ClockId, clock_gettime};

use crate::world::{BusyRoom, PeerDialect};

/// Cost of a publish per member, in nanoseconds of thread CPU time.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Minimum of all samples.
    pub least: f64,
    /// Median of the samples.
    pub median: f64,
    /// 90th percentile of the samples.
    pub most: f64,
}

/// Bytes per body.
const BODY: usize = 64;
/// Number of samples; each has as many publishes as make `DELIVERIES` deliveries.
const SAMPLES: usize = 25;
const DELIVERIES: usize = 100_000;

/// Publishes to a room repeatedly. Acks of acked deliveries are read in between and excluded from
/// the figure.
#[must_use]
pub fn measure(dialect: PeerDialect, class: Class, members: usize) -> Cost {
    let mut room = BusyRoom::new(dialect, class, members, BODY);
    if class == Class::BestEffort {
        room.stop_sending();
    }
    measure_room(&mut room, class)
}

/// The same for a room that is there.
pub(crate) fn measure_room(room: &mut BusyRoom, class: Class) -> Cost {
    let rounds = (DELIVERIES / room.members().max(1)).max(1);
    sample(room, class, rounds);
    let mut samples: Vec<f64> = (0..SAMPLES).map(|_| sample(room, class, rounds)).collect();
    samples.sort_by(f64::total_cmp);
    let at = |share: usize| samples[(SAMPLES - 1) * share / 10];
    Cost { least: at(0), median: at(5), most: at(9) }
}

fn sample(room: &mut BusyRoom, class: Class, rounds: usize) -> f64 {
    let mut spent = Duration::ZERO;
    for _ in 0..rounds {
        let start = cpu_time();
        room.publish();
        spent += cpu_time().saturating_sub(start);
        if class == Class::Acked {
            room.acknowledge();
            room.run_until_idle();
        }
    }
    let deliveries = u32::try_from(rounds * room.members()).unwrap_or(u32::MAX);
    spent.as_secs_f64() * 1e9 / f64::from(deliveries)
}

/// CPU time used by this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
