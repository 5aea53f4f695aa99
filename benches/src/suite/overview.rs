//! One image with a figure of several loads, for a README.

use super::{Results, Role};
use crate::page::{Bars, Panels};

/// The names of the colours.
const KEYS: [(Role, &str); 3] =
    [(Role::Floor, "the least that it costs"), (Role::Subject, "comet"), (Role::Peer, "others")];

impl Results {
    /// The image that the suite asks for, if it does and there is something to show. Of the floors
    /// it has the one that the others are measured by.
    #[must_use]
    pub fn overview(&self) -> Option<String> {
        let overview = self.overview.as_ref()?;
        let views: Vec<_> = self.views().collect();
        let panel = |load: &String| -> Option<Bars> {
            let view = views.iter().find(|view| view.load.name == *load)?;
            let mut bars = view.bars_named(&overview.figure)?;
            // A floor for other loads can be far above everybody here, and make them all small.
            let floor = Role::Floor.class();
            bars.bars.retain(|bar| bar.class != floor || bar.name == self.baseline_of(load));
            Some(Bars { title: load.clone(), ..bars })
        };
        let panels: Vec<Bars> = overview.loads.iter().filter_map(panel).collect();
        let are_there = |role: Role| self.roles.values().any(|it| *it == role);
        let keys = KEYS.iter().filter(|(role, _)| are_there(*role));
        let keys = keys.map(|(role, name)| (role.class(), (*name).to_owned())).collect();
        let panels = Panels { title: overview.title.clone(), keys, panels };
        (!panels.panels.is_empty()).then(|| panels.image())
    }

    /// Colour class of a server's bars.
    pub(super) fn class_of(&self, server: &str) -> &'static str {
        self.roles.get(server).copied().unwrap_or_default().class()
    }
}

impl Role {
    const fn class(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Floor => "floor",
            Self::Peer => "peer",
        }
    }
}
