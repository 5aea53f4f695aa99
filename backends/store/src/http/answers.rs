//! Memory of long answers: number of answers made concurrently, and the memory held until they are
//! written.
//!
//! A client may read its answer at any time or never. Therefore the memory of an answer is charged
//! to the gateway's memory budget before it is read from the log, and released with its last byte.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use comet::{Gateway, Reservation};
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiError, kept_until_written};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Longest wait of a request for other answers.
const WAIT: Duration = Duration::from_secs(1);

/// Maximum total bytes of messages of an answer, if the budget is large enough.
const MOST: usize = 4 * 1024 * 1024;

/// Maximum number of answers of one user being made or sent: for several devices, and for cancelled
/// requests not yet noticed.
const OF_USER: u32 = 8;

/// Admission of answers.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    gateway: Gateway,
    places: Arc<Semaphore>,
    of_users: Arc<Mutex<HashMap<Box<str>, u32>>>,
}

/// Answer being made.
#[derive(Debug)]
pub(super) struct AnswerInProgress {
    gateway: Gateway,
    reservation: Option<Reservation>,
    permit: UserPermit,
    _place: OwnedSemaphorePermit,
}

/// Reason for refusing an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Busy {
    /// The maximum number of answers is being made.
    #[error("too many requests, try again later")]
    Crowded,
    /// Earlier answers to this user have not been read.
    #[error("too many requests of this user, try again later")]
    Unread,
    /// The memory budget is exhausted.
    #[error("memory is short, try again later")]
    Short,
}

impl From<Busy> for ApiError {
    fn from(busy: Busy) -> Self {
        tracing::debug!(%busy, "an answer refused");
        Self::from(Code::QUERY_FAILED).message(busy.to_string())
    }
}

impl Answers {
    /// At most `at_once` answers at a time, charged to the memory of this gateway.
    pub(super) fn new(gateway: Gateway, at_once: u16) -> Self {
        let places = Arc::new(Semaphore::new(at_once.into()));
        Self { gateway, places, of_users: Arc::default() }
    }

    /// Begins an answer to a user, after waiting for others if necessary.
    pub(super) async fn begin(&self, uid: &str) -> Result<AnswerInProgress, Busy> {
        let permit = UserPermit::take(&self.of_users, uid).ok_or(Busy::Unread)?;
        let place = timeout(WAIT, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.ok().and_then(Result::ok).ok_or(Busy::Crowded)?;
        Ok(AnswerInProgress {
            gateway: self.gateway.clone(),
            reservation: None,
            permit,
            _place: place,
        })
    }
}

impl AnswerInProgress {
    /// Longest answer, in bytes of messages: reduced if the budget is too small to ever make two at
    /// once, at twice their length each.
    pub(super) fn most(&self) -> usize {
        MOST.min(self.gateway.reservable_memory() / 4)
    }

    /// Reserves memory for making it.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), Busy> {
        self.reservation = Some(self.gateway.reserve_memory(bytes).ok_or(Busy::Short)?);
        Ok(())
    }

    /// Finishes it. From here on it is charged its own length, until it is written.
    pub(super) fn done(mut self, json: Vec<u8>) -> Result<Response, Busy> {
        let bytes = json.capacity();
        let fits = self.reservation.as_mut().is_some_and(|held| held.resize(bytes));
        if !fits {
            return Err(Busy::Short);
        }
        Ok(kept_until_written(json, (self.reservation, self.permit)))
    }
}

/// One of the concurrent answers of a user.
#[derive(Debug)]
struct UserPermit {
    of_users: Arc<Mutex<HashMap<Box<str>, u32>>>,
    uid: Box<str>,
}

impl UserPermit {
    fn take(of_users: &Arc<Mutex<HashMap<Box<str>, u32>>>, uid: &str) -> Option<Self> {
        let mut users = of_users.lock();
        let answers = users.entry(uid.into()).or_insert(0);
        if *answers >= OF_USER {
            return None;
        }
        *answers += 1;
        Some(Self { of_users: Arc::clone(of_users), uid: uid.into() })
    }
}

impl Drop for UserPermit {
    fn drop(&mut self) {
        let mut users = self.of_users.lock();
        if let Some(answers) = users.get_mut(&self.uid) {
            *answers -= 1;
            if *answers == 0 {
                users.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use comet::{Config, Connect, ConnectReply, Gateway, Listen, Message, Peer, Receipt, Router};

    use super::*;

    struct Nobody;

    impl Router for Nobody {
        fn connect(&self, _: &Gateway, _: Connect, reply: ConnectReply) {
            reply.close();
        }

        fn receive(&self, _: &Gateway, _: &Peer, _: Message, _: Receipt) {}
    }

    /// Answers limited to 2 MiB together.
    fn answers(at_once: u16) -> (Gateway, Answers) {
        let config = Config::default().shards(1).memory(|it| it.budget = 18 << 20);
        let listen = Listen::tcp(([127, 0, 0, 1], 0).into());
        let gateway = Gateway::builder(Nobody).config(config).listen(listen).start().unwrap();
        (gateway.clone(), Answers::new(gateway, at_once))
    }

    fn end(gateway: &Gateway) {
        gateway.drain(Duration::ZERO);
        gateway.wait();
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_made_at_once_and_one_more_after_them_or_not_at_all() {
        for at_once in [1, 3] {
            let (gateway, answers) = answers(at_once);
            let mut making = Vec::new();
            for number in 0..at_once {
                making.push(answers.begin(&number.to_string()).await.unwrap());
            }
            assert_eq!(answers.begin("one more").await.err(), Some(Busy::Crowded));
            let (after, ()) = tokio::join!(answers.begin("one more"), async {
                tokio::time::sleep(WAIT / 2).await;
                making.pop();
            });
            assert!(after.is_ok());
            end(&gateway);
        }
    }

    #[tokio::test]
    async fn an_answer_holds_its_length_and_its_users_turn_until_it_is_written() {
        let (gateway, answers) = answers(16);
        let mut unread = Vec::new();
        for _ in 0..OF_USER {
            let mut making = answers.begin("alice").await.unwrap();
            making.charge(50_000).unwrap();
            unread.push(making.done(vec![b' '; 20_000]).unwrap());
        }
        assert_eq!(gateway.stats().memory, u64::from(OF_USER) * 20_000);
        assert_eq!(answers.begin("alice").await.err(), Some(Busy::Unread));
        assert!(answers.begin("bob").await.is_ok());
        unread.pop();
        assert!(answers.begin("alice").await.is_ok());
        unread.clear();
        assert_eq!(gateway.stats().memory, 0);
        assert!(answers.of_users.lock().is_empty());
        end(&gateway);
    }

    #[tokio::test]
    async fn what_the_budget_has_no_room_for_is_refused_before_it_is_made() {
        let (gateway, answers) = answers(16);
        let mut making = answers.begin("alice").await.unwrap();
        making.charge(2 << 20).unwrap();
        let mut other = answers.begin("bob").await.unwrap();
        assert_eq!(other.charge(1 << 20).err(), Some(Busy::Short));
        drop(making);
        other.charge(1 << 20).unwrap();
        end(&gateway);
    }
}
