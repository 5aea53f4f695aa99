//! From users that miss messages to pushes in the lanes of vendors.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use comet_dtalk::message::Device;
use comet_sql::Error;
use comet_store::Unreceived;
use tokio::task::yield_now;

use crate::batches::Batch;
use crate::config::Config;
use crate::counters::Counters;
use crate::lane::Lane;
use crate::push::{Conversation, Push};
use crate::sources::{Names, Target, Tokens};

/// Bytes of a title; vendors bound the whole of a push, some at 4 KiB.
const TITLE_BYTES: usize = 256;
/// Users handed over in one go: what has to do with messages then has its turn.
const USERS: usize = 200;

/// Hand-over of pushes to the lanes of their vendors.
pub(crate) struct Dispatch {
    lanes: Vec<Arc<Lane>>,
    /// Index of a lane for each device type that has one.
    devices: Vec<(Device, usize)>,
    tokens: Arc<dyn Tokens>,
    names: Arc<dyn Names>,
    counters: Arc<Counters>,
    text: Arc<str>,
    time_limit: Duration,
}

/// Users that miss messages of conversations of one kind.
#[derive(Debug)]
pub(crate) struct Page {
    /// The group; `None` if the messages are between users.
    pub(crate) group: Option<i64>,
    pub(crate) users: Vec<Missed>,
}

/// User that misses messages of a conversation.
#[derive(Debug)]
pub(crate) struct Missed {
    pub(crate) unreceived: Unreceived,
    /// Time at which the newest was stored, Unix milliseconds.
    pub(crate) stored_ms: u64,
}

impl Dispatch {
    pub(crate) fn new(
        (lanes, devices): (Vec<Arc<Lane>>, Vec<(Device, usize)>),
        (tokens, names): (Arc<dyn Tokens>, Arc<dyn Names>),
        counters: Arc<Counters>,
        config: &Config,
    ) -> Self {
        let (text, time_limit) = (Arc::clone(&config.text), config.time_limit);
        Self { lanes, devices, tokens, names, counters, text, time_limit }
    }

    /// Puts a push for each user with a phone into the lane of its vendor; waits while there is no
    /// place. Each holds the batch.
    pub(crate) async fn hand_over(&self, page: &Page, batch: &Arc<Batch>) -> Result<(), Error> {
        for users in page.users.chunks(USERS) {
            self.hand_over_some(page.group, users, batch).await?;
            yield_now().await;
        }
        Ok(())
    }

    async fn hand_over_some(
        &self,
        group: Option<i64>,
        missed: &[Missed],
        batch: &Arc<Batch>,
    ) -> Result<(), Error> {
        let mut users: Vec<&str> = missed.iter().map(|it| &*it.unreceived.user).collect();
        users.dedup();
        let mut phones = HashMap::<String, Vec<Target>>::new();
        for target in self.tokens.of_users(&users).await? {
            if self.at(target.device).is_some() {
                phones.entry(target.user.clone()).or_default().push(target);
            }
        }
        let reached = missed.iter().filter(|it| phones.contains_key(&it.unreceived.user));
        let reached: Vec<&Missed> = reached.collect();
        self.counters.due.add(missed.len());
        self.counters.unreachable.add(missed.len() - reached.len());
        let titles = self.titles(group, &reached).await?;
        for (at, lane) in self.lanes.iter().enumerate() {
            let pushes = reached.iter().flat_map(|missed| {
                let phones = phones.get(&missed.unreceived.user).into_iter().flatten();
                phones.map(move |target| (missed, target))
            });
            let pushes = pushes.filter(|(_, target)| self.at(target.device) == Some(at));
            let push =
                |(missed, target): (&&Missed, &Target)| self.push(group, missed, target, &titles);
            lane.put(pushes.map(push).collect(), batch).await;
        }
        Ok(())
    }

    /// Index of the lane of this device type.
    fn at(&self, device: Device) -> Option<usize> {
        self.devices.iter().find(|(of, _)| *of == device).map(|&(_, at)| at)
    }

    /// Names that are known, by address of the conversation.
    async fn titles(
        &self,
        group: Option<i64>,
        missed: &[&Missed],
    ) -> Result<HashMap<String, String>, Error> {
        if missed.is_empty() {
            return Ok(HashMap::new());
        }
        if let Some(group) = group {
            let names = self.names.of_groups(&[group]).await?;
            return Ok(names.into_iter().map(|(id, name)| (id.to_string(), name)).collect());
        }
        let mut authors: Vec<&str> = missed.iter().map(|it| &*it.unreceived.from).collect();
        authors.sort_unstable();
        authors.dedup();
        self.names.of_users(&authors).await
    }

    fn push(
        &self,
        group: Option<i64>,
        Missed { unreceived, stored_ms }: &Missed,
        target: &Target,
        titles: &HashMap<String, String>,
    ) -> Push {
        let Unreceived { user, from, id, count, .. } = unreceived;
        let conversation =
            group.map_or_else(|| Conversation::User(from.clone()), Conversation::Group);
        let address = conversation.address();
        let title = titles.get(&address).filter(|title| !title.is_empty()).unwrap_or(&address);
        let limit = u64::try_from(self.time_limit.as_millis()).unwrap_or(u64::MAX);
        Push {
            user: user.clone(),
            device: target.device,
            token: target.token.clone(),
            login: target.login,
            title: title[..title.floor_char_boundary(TITLE_BYTES)].to_owned(),
            conversation,
            from: from.clone(),
            message: *id,
            count: *count,
            text: Arc::clone(&self.text),
            expires_ms: stored_ms.saturating_add(limit),
        }
    }
}
