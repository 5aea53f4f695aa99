//! The defects, each as the changes of the sources that make it.

use super::{Defect, Edit};

/// The variable that names the defect of a process.
pub(super) const VARIABLE: &str = "COMET_DEFECT";

/// `crate::defect::is_on`, by which all others are guarded.
pub(super) const SWITCH: Edit = Edit {
    file: "comet/src/lib.rs",
    find: "mod delivery;\n",
    replace: r#"mod defect {
    use std::sync::OnceLock;

    pub(crate) fn is_on(name: &str) -> bool {
        static NAME: OnceLock<Option<String>> = OnceLock::new();
        NAME.get_or_init(|| std::env::var("COMET_DEFECT").ok()).as_deref() == Some(name)
    }
}
mod delivery;
"#,
};

pub(super) const ALL: [&Defect; 7] = [
    &SEQ_HOLE,
    &ROOM_REORDER,
    &CLEANUP_RACE,
    &TAKEOVER_LOSS,
    &OVERLAP_ACK,
    &WRONG_VICTIM,
    &LATE_REPAIR,
];

/// A full queue drops a delivery after it has taken a number.
pub(super) const SEQ_HOLE: Defect = Defect {
    name: "SeqHole",
    edits: &[
        Edit {
            file: "comet/src/session/pushing.rs",
            find: "            Err(QueueError::Full) => {\n",
            replace: r#"
            Err(QueueError::Full) if crate::defect::is_on("SeqHole") => {
                window.skip_number();
                Wait::Queued
            }
            Err(QueueError::Full) => {
"#,
        },
        Edit {
            file: "comet/src/delivery/window/mod.rs",
            find: "impl Window {\n",
            replace: r"impl Window {
    pub(crate) fn skip_number(&mut self) {
        self.in_flight.push_back(InFlight { item: None, sent_at: 0, attempts: 1 });
        self.drop_acked();
    }

",
        },
    ],
};

/// Deliveries to one room are handed to workers in turn, and overtake each other.
pub(super) const ROOM_REORDER: Defect = Defect {
    name: "RoomReorder",
    edits: &[Edit {
        file: "comet/src/shard/publisher/mod.rs",
        find: "        let Self { batch, writes, later } = self;\n",
        replace: r#"        let Self { batch, writes, later } = self;
        if crate::defect::is_on("RoomReorder") {
            batch.items.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        }
"#,
    }],
};

/// A session that is taken from a connection that still seems alive. Of several edits at this place
/// each leaves the text in place.
const TAKEN_OVER: &str = "            let parked = Parked { closed: Closed::Replaced,";

/// The end of an old connection removes what its session is found by, though it has been resumed.
pub(super) const CLEANUP_RACE: Defect = Defect {
    name: "CleanupRace",
    edits: &[
        Edit {
            file: "comet/src/shard/lifecycle/parking.rs",
            find: TAKEN_OVER,
            replace: r#"            if crate::defect::is_on("CleanupRace") {
                self.resumption.removed.push(ep.bucket.id(earlier));
            }
            let parked = Parked { closed: Closed::Replaced,"#,
        },
        Edit {
            file: "comet/src/shard/lifecycle/resumption.rs",
            find: "    nonces: Nonces,\n}",
            replace: "    nonces: Nonces,\n    pub(super) removed: Vec<SessionId>,\n}",
        },
        Edit {
            file: "comet/src/shard/lifecycle/resumption.rs",
            find: "Self { nonces: Nonces::new(keys) }",
            replace: "Self { nonces: Nonces::new(keys), removed: Vec::new() }",
        },
        Edit {
            file: "comet/src/shard/lifecycle/resumption.rs",
            find: "        let id = SessionId::from_u64(ticket.session);\n",
            replace: r"        let id = SessionId::from_u64(ticket.session);
        if self.removed.contains(&id) {
            return Claim::New(Loss::Unknown);
        }
",
        },
    ],
};

/// Deliveries that wait while a session is taken over stay with the old connection.
pub(super) const TAKEOVER_LOSS: Defect = Defect {
    name: "TakeoverLoss",
    edits: &[
        Edit {
            file: "comet/src/shard/lifecycle/parking.rs",
            find: TAKEN_OVER,
            replace: r#"            if crate::defect::is_on("TakeoverLoss") {
                let old = ep.bucket.get_mut(earlier);
                old.into_iter().for_each(|member| member.session.owed_mut().forget_waiting());
            }
            let parked = Parked { closed: Closed::Replaced,"#,
        },
        Edit {
            file: "comet/src/session/owed.rs",
            find: "impl Owed {\n",
            replace: r"impl Owed {
    pub(crate) fn forget_waiting(&mut self) {
        self.0.iter_mut().for_each(|window| window.forget_queue());
    }

",
        },
        Edit {
            file: "comet/src/delivery/window/acks.rs",
            find: "impl Window {\n",
            replace: r"impl Window {
    pub(crate) fn forget_queue(&mut self) {
        self.pass = self.pass();
        self.queue = None;
    }

",
        },
    ],
};

/// Deliveries sent on an old connection count as received by the new one.
pub(super) const OVERLAP_ACK: Defect = Defect {
    name: "OverlapAck",
    edits: &[
        Edit {
            file: "comet/src/shard/lifecycle/parking.rs",
            find: TAKEN_OVER,
            replace: r#"            if crate::defect::is_on("OverlapAck") {
                let old = ep.bucket.get_mut(earlier);
                if let Some(old) = old {
                    old.session.owed_mut().count_as_received(ep.cx.now);
                }
            }
            let parked = Parked { closed: Closed::Replaced,"#,
        },
        Edit {
            file: "comet/src/session/owed.rs",
            find: "impl Owed {\n",
            replace: r"impl Owed {
    pub(crate) fn count_as_received(&mut self, now: Time) {
        self.0.iter_mut().for_each(|window| window.count_as_received(now));
    }

",
        },
        Edit {
            file: "comet/src/delivery/window/acks.rs",
            find: "impl Window {\n",
            replace: r"impl Window {
    pub(crate) fn count_as_received(&mut self, now: Time) {
        let all = Received::up_to_only(self.span().1);
        self.receive(now, all, |_| {});
    }

",
        },
    ],
};

/// When memory is short, some session is shed, and not the one that holds most.
pub(super) const WRONG_VICTIM: Defect = Defect {
    name: "WrongVictim",
    edits: &[Edit {
        file: "comet/src/shard/pressure/mod.rs",
        find: "    fn next_worst(&mut self, ep: &Endpoints) -> Option<Holding> {\n",
        replace: r#"    fn next_worst(&mut self, ep: &Endpoints) -> Option<Holding> {
        if crate::defect::is_on("WrongVictim") {
            let slot = ep.bucket.occupied().last()?;
            return Some(Holding { bytes: usize::MAX, slot });
        }
"#,
    }],
};

/// Deliveries repeated for a gap come after newer ones pushed before the router knew of it.
pub(super) const LATE_REPAIR: Defect = Defect {
    name: "LateRepair",
    edits: &[Edit {
        file: "comet/src/delivery/window/mod.rs",
        find: "        item.pass().is_none_or(",
        replace: r#"        crate::defect::is_on("LateRepair") || item.pass().is_none_or("#,
    }],
};
