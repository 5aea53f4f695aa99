//! Defects of other servers, to be planted on purpose: a simulator that does not find them is not
//! worth its time. Outside of simulations there are none, and asking costs nothing.

/// A defect that was found in another server.
#[cfg_attr(
    not(feature = "simulation"),
    expect(unreachable_pub, reason = "it is public where it can be planted")
)]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Plant {
    /// A full queue drops a delivery after it has taken a number.
    SeqHole,
    /// Deliveries to one room are handed to workers in turn, and overtake each other.
    RoomReorder,
    /// The end of an old connection removes what its session is found by, though it has been
    /// resumed.
    CleanupRace,
    /// What waits while a session is taken over stays with the old connection.
    TakeoverLoss,
    /// What was sent on an old connection counts as received by the new one.
    OverlapAck,
    /// When memory is short, some session is shed, and not the one that holds most.
    WrongVictim,
    /// What a router sends again of a gap comes after what it had pushed before it knew.
    LateRepair,
}

#[cfg(feature = "simulation")]
impl Plant {
    /// Every one of them.
    pub const ALL: [Self; 7] = [
        Self::SeqHole,
        Self::RoomReorder,
        Self::CleanupRace,
        Self::TakeoverLoss,
        Self::OverlapAck,
        Self::WrongVictim,
        Self::LateRepair,
    ];
}

/// Which defect is planted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Planted {
    #[cfg(feature = "simulation")]
    plant: Option<Plant>,
}

impl Planted {
    /// Plants it.
    #[cfg(feature = "simulation")]
    pub(crate) fn set(&mut self, plant: Plant) {
        self.plant = Some(plant);
    }

    /// Whether it is planted.
    #[inline]
    pub(crate) fn has(self, plant: Plant) -> bool {
        #[cfg(feature = "simulation")]
        {
            self.plant == Some(plant)
        }
        #[cfg(not(feature = "simulation"))]
        {
            let _ = plant;
            false
        }
    }
}
