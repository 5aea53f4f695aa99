//! Members, readers and publishers of rooms.
//!
//! A stream is the messages of one publisher to one room: they are counted, and kept in order. The
//! streams of a room have consecutive numbers. A room here is any set of sessions that share
//! deliveries: a group, a pair of friends, or a session that only hears itself.

use std::collections::{BTreeSet, HashMap};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::{Plan, Sizes, Topology};
use crate::dialect::Destination;

/// Sessions that share deliveries.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Room {
    /// The first of its streams.
    pub first: u32,
    /// The number of streams: one for each publisher.
    pub streams: u32,
    /// The number of readers.
    pub readers: u32,
}

/// One session.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Member {
    /// The user.
    pub user: String,
    /// The names of the rooms that it joins.
    pub joins: Vec<String>,
    /// The rooms that it reads, joined or not, by their number.
    pub reads: Vec<usize>,
    /// Whether it stops reading for a part of the run; it publishes nothing.
    pub stalls: bool,
}

/// Choice of the next publisher.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pick {
    /// One after the other.
    InTurn,
    /// By chance.
    ByChance,
}

/// A session's way to a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The sender.
    pub session: usize,
    /// As which stream.
    pub stream: u32,
    /// The destination.
    pub to: Destination,
}

/// Messages of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// Their share of all messages.
    pub share: f64,
    /// The publishers.
    pub sources: Vec<Source>,
    /// Choice of the next publisher.
    pub pick: Pick,
}

/// The sessions of each user, where several may be of one.
type Shared = HashMap<String, Vec<usize>>;

/// All sessions, rooms and traffic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The rooms.
    pub rooms: Vec<Room>,
    /// The sessions.
    pub members: Vec<Member>,
    /// The traffic; kinds without a share or a source are absent.
    pub traffic: Vec<Traffic>,
}

impl Layout {
    /// The layout of a plan; names begin with `prefix`, so that runs do not meet.
    #[must_use]
    pub fn new(plan: &Plan, prefix: &str) -> Self {
        let names = (0..plan.sessions).map(|session| format!("{prefix}u{session}"));
        Self::of(plan, prefix, names)
    }

    /// The layout of a plan with these users of the sessions, which may share one. A message comes
    /// to all sessions of a user: of its receiver, and of its sender too.
    #[must_use]
    pub fn of_users(plan: &Plan, users: Vec<String>) -> Self {
        Self::of(plan, "", users)
    }

    fn of(plan: &Plan, prefix: &str, users: impl IntoIterator<Item = String>) -> Self {
        let mut layout = Self::default();
        let member = |user| Member { user, ..Member::default() };
        layout.members.extend(users.into_iter().take(plan.sessions).map(member));
        let shared = plan.accounts.is_some().then(|| layout.sessions_of_users());
        match &plan.topology {
            Topology::Alone => layout.alone(shared.as_ref()),
            Topology::Rooms { rooms, memberships, publishers } => {
                layout.rooms(prefix, *rooms, *memberships, *publishers);
            }
            Topology::Groups { groups, sizes, publishers, friends, private } => {
                let mut rng = StdRng::seed_from_u64(plan.seed);
                let talk = layout.groups(prefix, (*groups, sizes, *publishers), &mut rng);
                layout.add_traffic(1.0 - private, talk, Pick::ByChance);
                let talk = layout.pairs(*friends, shared.as_ref(), &mut rng);
                layout.add_traffic(*private, talk, Pick::ByChance);
            }
        }
        let stalled = plan.disturbances.stall.map_or(0, |stall| stall.sessions);
        layout.members.iter_mut().rev().take(stalled).for_each(|member| member.stalls = true);
        layout
    }

    /// The sessions that join each room, by its name.
    #[must_use]
    pub fn joined(&self) -> HashMap<String, Vec<usize>> {
        let mut joined = HashMap::<String, Vec<usize>>::new();
        for (session, member) in self.members.iter().enumerate() {
            for name in &member.joins {
                joined.entry(name.clone()).or_default().push(session);
            }
        }
        joined
    }

    /// Gives rooms other names.
    pub fn rename_rooms(&mut self, names: &HashMap<String, String>) {
        for name in self.members.iter_mut().flat_map(|member| &mut member.joins) {
            if let Some(other) = names.get(name) {
                name.clone_from(other);
            }
        }
    }

    /// The number of streams.
    #[must_use]
    pub fn streams(&self) -> u32 {
        self.rooms.last().map_or(0, |room| room.first + room.streams)
    }

    fn add_traffic(&mut self, share: f64, sources: Vec<Source>, pick: Pick) {
        if share > 0.0 && !sources.is_empty() {
            self.traffic.push(Traffic { share, sources, pick });
        }
    }

    fn add_room(&mut self, readers: &[usize], streams: usize) -> usize {
        let (room, first) = (self.rooms.len(), self.streams());
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        self.rooms.push(Room { first, streams: count(streams), readers: count(readers.len()) });
        readers.iter().for_each(|session| self.members[*session].reads.push(room));
        room
    }

    fn sessions_of_users(&self) -> Shared {
        let mut shared = Shared::new();
        for (session, member) in self.members.iter().enumerate() {
            shared.entry(member.user.clone()).or_default().push(session);
        }
        shared
    }

    /// Readers of a message from one of these to the other: two users, or one with itself.
    fn hearers(&self, session: usize, friend: usize, shared: Option<&Shared>) -> Vec<usize> {
        let Some(shared) = shared else { return vec![friend] };
        let users: BTreeSet<&str> =
            [session, friend].iter().map(|at| &*self.members[*at].user).collect();
        users.into_iter().filter_map(|user| shared.get(user)).flatten().copied().collect()
    }

    fn alone(&mut self, shared: Option<&Shared>) {
        let sources = (0..self.members.len()).map(|session| {
            let readers = self.hearers(session, session, shared);
            let room = self.add_room(&readers, 1);
            Source { session, stream: self.rooms[room].first, to: Destination::Rooms }
        });
        let sources = sources.collect();
        self.add_traffic(1.0, sources, Pick::InTurn);
    }

    /// Sessions go to the rooms in turn: the sizes of two rooms differ by one at the most.
    fn rooms(&mut self, prefix: &str, rooms: usize, memberships: usize, publishers: usize) {
        let mut sources = Vec::new();
        for number in 0..rooms {
            let is_in = |session: &usize| (session + rooms - number) % rooms < memberships;
            let readers: Vec<usize> = (0..self.members.len()).filter(is_in).collect();
            let room = self.add_room(&readers, publishers);
            let name = format!("{prefix}r{number}");
            readers.iter().for_each(|session| self.members[*session].joins.push(name.clone()));
            let streams = self.rooms[room].first..;
            let talkers = readers.iter().zip(streams).take(publishers).enumerate();
            sources.extend(talkers.map(|(slot, (&session, stream))| {
                (slot, Source { session, stream, to: Destination::Rooms })
            }));
        }
        // Neighbours in time are members of different rooms.
        sources.sort_by_key(|(slot, _)| *slot);
        let sources = sources.into_iter().map(|(_, source)| source).collect();
        self.add_traffic(1.0, sources, Pick::InTurn);
    }

    fn groups(
        &mut self,
        prefix: &str,
        (groups, sizes, publishers): (usize, &Sizes, usize),
        rng: &mut StdRng,
    ) -> Vec<Source> {
        let mut everybody: Vec<usize> = (0..self.members.len()).collect();
        let mut sources = Vec::new();
        for number in 0..groups {
            let size = sizes.draw(rng).min(everybody.len());
            let (members, _) = everybody.partial_shuffle(rng, size);
            let room = self.add_room(members, publishers.min(size));
            let Room { first, streams, .. } = self.rooms[room];
            for session in &*members {
                self.members[*session].joins.push(format!("{prefix}g{number}"));
            }
            sources.extend(members.iter().zip(first..first + streams).map(|(&session, stream)| {
                let to = Destination::Room(self.members[session].joins.len() - 1);
                Source { session, stream, to }
            }));
        }
        sources
    }

    fn pairs(&mut self, friends: usize, shared: Option<&Shared>, rng: &mut StdRng) -> Vec<Source> {
        let mut sources = Vec::new();
        let all = self.members.len();
        for session in 0..all {
            let mut known: Vec<usize> = Vec::with_capacity(friends);
            let user = |session: usize| &self.members[session].user;
            // A user has fewer friends than there are others, so this ends.
            while known.len() < friends {
                let friend = rng.random_range(0..all);
                let is_new = known.iter().all(|known| user(*known) != user(friend));
                if user(friend) != user(session) && is_new {
                    known.push(friend);
                }
            }
            for friend in known {
                let hearers = self.hearers(session, friend, shared);
                let room = self.add_room(&hearers, 1);
                let to = Destination::User(self.members[friend].user.clone());
                sources.push(Source { session, stream: self.rooms[room].first, to });
            }
        }
        sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Options;

    fn layout(text: &str) -> Layout {
        Layout::new(&Plan::new(Options::read(text).unwrap()).unwrap(), "t-")
    }

    #[test]
    fn who_is_alone_hears_itself() {
        let layout = layout("scenario = \"echo\"\nsessions = 2");
        assert_eq!(layout.rooms[1], Room { first: 1, streams: 1, readers: 1 });
        let user = "t-u1".to_owned();
        assert_eq!(layout.members[1], Member { user, reads: vec![1], ..Member::default() });
        assert!(layout.members.iter().all(|member| !member.stalls));
        let second = Source { session: 1, stream: 1, to: Destination::Rooms };
        assert_eq!(layout.traffic[0].sources[1], second);
    }

    #[test]
    fn rooms_are_of_the_same_size_and_speak_in_turn() {
        let layout = layout("scenario = \"fan\"\nsessions = 7\nrooms = 3\npublishers = 2");
        let readers: Vec<u32> = layout.rooms.iter().map(|room| room.readers).collect();
        assert_eq!((readers, layout.streams()), (vec![3, 2, 2], 6));
        assert_eq!(layout.members[5].joins, ["t-r2"]);
        let turns = layout.traffic[0].sources.iter().map(|source| (source.session, source.stream));
        assert_eq!(turns.collect::<Vec<_>>(), [(0, 0), (1, 2), (2, 4), (3, 1), (4, 3), (5, 5)]);
    }

    #[test]
    fn a_session_can_be_in_several_rooms() {
        let layout = layout("scenario = \"idle\"\nsessions = 4\nrooms = 4\nmemberships = 3");
        assert_eq!(layout.members[0].joins, ["t-r0", "t-r2", "t-r3"]);
        assert_eq!((layout.rooms[3].readers, layout.traffic.len()), (3, 0));
    }

    #[test]
    fn a_chat_has_groups_and_friends() {
        let layout = layout(
            "scenario = \"chat\"\nsessions = 50\nrooms = 20\ngroups = \"uniform:2..10\"\n\
             publishers = 4\nfriends = 2\nprivate = 0.25",
        );
        let (groups, pairs) = layout.rooms.split_at(20);
        assert!(groups.iter().all(|room| room.streams == room.readers.min(4)));
        assert!(groups.iter().any(|room| room.readers > 8));
        assert!(pairs.iter().all(|room| (room.streams, room.readers) == (1, 1)));
        assert_eq!(pairs.len(), 100);
        let [groups, private] = &layout.traffic[..] else { panic!("{:?}", layout.traffic) };
        assert_eq!((groups.share, private.share, private.sources.len()), (0.75, 0.25, 100));
        for source in &groups.sources {
            let Destination::Room(place) = source.to else { panic!("{source:?}") };
            let member = &layout.members[source.session];
            let room = member.joins[place].strip_prefix("t-g").unwrap().parse::<usize>().unwrap();
            let Room { first, streams, .. } = layout.rooms[room];
            assert!(member.reads.contains(&room));
            assert!((first..first + streams).contains(&source.stream));
        }
        for source in &private.sources {
            let reader =
                layout.members.iter().find(|m| Destination::User(m.user.clone()) == source.to);
            let read = &reader.unwrap().reads;
            assert!(read.iter().any(|&room| layout.rooms[room].first == source.stream));
        }
    }

    #[test]
    fn rooms_can_have_other_names() {
        let mut layout = layout("scenario = \"idle\"\nsessions = 3\nrooms = 3\nmemberships = 2");
        assert_eq!(layout.joined()["t-r1"], [1, 2]);
        layout.rename_rooms(&HashMap::from([("t-r1".to_owned(), "77".to_owned())]));
        assert_eq!(layout.members[1].joins, ["t-r0", "77"]);
        assert_eq!(layout.members[0].joins, ["t-r0", "t-r2"]);
    }

    #[test]
    fn what_users_say_comes_to_all_their_sessions_and_to_those_of_the_other() {
        let text = "scenario = \"chat\"\nsessions = 5\nfriends = 1\nsign = true\n\
                    addr = [\"tcp://127.0.0.1:1\"]";
        let plan = Plan::new(Options::read(text).unwrap()).unwrap();
        let users = ["al", "bo", "al", "bo", "al"].map(str::to_owned).to_vec();
        let layout = Layout::of_users(&plan, users);
        assert!(layout.members.iter().all(|member| member.joins.is_empty()));
        assert!(layout.rooms.iter().all(|room| (room.readers, room.streams) == (5, 1)));
        let [private] = &layout.traffic[..] else { panic!("{:?}", layout.traffic) };
        let to: Vec<_> = private.sources.iter().map(|source| source.to.clone()).collect();
        let (al, bo) = (Destination::User("al".to_owned()), Destination::User("bo".to_owned()));
        assert_eq!(to, [&bo, &al, &bo, &al, &bo].map(Clone::clone));
        let text = text.replace("chat", "echo").replace("\nfriends = 1", "");
        let plan = Plan::new(Options::read(&text).unwrap()).unwrap();
        let users = ["al", "bo", "al", "cy", "al"].map(str::to_owned).to_vec();
        let echo = Layout::of_users(&plan, users);
        let readers: Vec<u32> = echo.rooms.iter().map(|room| room.readers).collect();
        assert_eq!(readers, [3, 1, 3, 1, 3]);
    }

    #[test]
    fn those_who_stall_are_of_all_rooms_and_publish_nothing() {
        let text = "scenario = \"tortoise\"\nsessions = 10\nrooms = 2\npublishers = 2";
        let layout = layout(text);
        let stalls = |room: usize| {
            let of_room = layout.members.iter().filter(|member| member.reads == [room]);
            of_room.filter(|member| member.stalls).count()
        };
        assert_eq!([stalls(0), stalls(1)], [2, 3]);
        let sources = layout.traffic.iter().flat_map(|traffic| &traffic.sources);
        assert!(sources.clone().all(|source| !layout.members[source.session].stalls));
        assert_eq!(sources.count(), 4);
    }
}
