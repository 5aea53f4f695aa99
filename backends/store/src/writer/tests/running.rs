//! The task around the engine.

use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::*;
use crate::writer::{Intake, run};

/// Recorder shared by the test and the task.
#[derive(Clone, Default)]
struct Handle(Arc<Mutex<Recorder>>);

impl Outlet<u32> for Handle {
    fn push(&mut self, session: u32, item: &Item, pass: Option<Pass>) -> bool {
        self.0.lock().push(session, item, pass)
    }

    fn publish(&mut self, group: i64, item: &Item) {
        self.0.lock().publish(group, item);
    }

    fn join(&mut self, session: u32, group: i64) {
        self.0.lock().join(session, group);
    }

    fn leave(&mut self, session: u32, group: i64) {
        self.0.lock().leave(session, group);
    }

    fn dissolve(&mut self, group: i64) {
        self.0.lock().dissolve(group);
    }

    fn kick(&mut self, session: u32) -> bool {
        self.0.lock().kick(session)
    }
}

impl Handle {
    /// Waits until this many were published, and returns their positions.
    async fn published(&self, count: usize) -> Vec<i64> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.0.lock().published.len() < count && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
        self.0.lock().published.iter().map(|(_, item)| item.position).collect()
    }

    /// Waits until this many deliveries were pushed, and returns their ids.
    async fn pushed(&self, count: usize) -> Vec<i64> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.0.lock().pushed.len() < count && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
        self.0.lock().pushed.iter().map(|(_, item)| item.id).collect()
    }
}

fn spawn(world: World) -> (mpsc::UnboundedSender<Job<u32>>, Handle, JoinHandle<()>) {
    spawn_with(world, Outbox::default())
}

fn spawn_with(
    world: World,
    outbox: Outbox,
) -> (mpsc::UnboundedSender<Job<u32>>, Handle, JoinHandle<()>) {
    let (jobs, queue) = mpsc::unbounded_channel();
    let handle = Handle::default();
    let outlet = {
        let handle = handle.clone();
        move || handle.clone()
    };
    let intake = Intake { jobs: queue, batch: 64, readers: 1, outbox };
    let World { engine, reads, database, .. } = world;
    let task = tokio::spawn(async move {
        run(engine, reads, intake, outlet).await;
        drop(database);
    });
    (jobs, handle, task)
}

#[tokio::test]
async fn a_session_without_room_is_tried_again_without_being_asked() {
    let (jobs, handle, _task) = spawn(World::new(sqlite().await).await);
    handle.0.lock().full.insert(1);
    assert!(jobs.send(desktop(1, "bob")).is_ok());
    let mut mids = Vec::new();
    for n in 0..3 {
        let (job, answer) = send("alice", &text(&format!("m-{n}"), "bob", "hi"));
        assert!(jobs.send(job).is_ok());
        mids.push(answer.await.unwrap().unwrap().mid);
    }
    assert_eq!(handle.pushed(0).await, [0; 0]);

    handle.0.lock().full.clear();
    assert_eq!(handle.pushed(3).await, mids);
}

#[tokio::test]
async fn sessions_read_their_logs_while_others_send() {
    let mut world = World::new(sqlite().await).await;
    let mut mids = Vec::new();
    for n in 0..20 {
        mids.push(world.send("alice", "bob", &format!("m-{n}")).await.mid);
    }
    let (jobs, handle, _task) = spawn(world);
    for session in 0..10 {
        assert!(jobs.send(phone(session, "bob")).is_ok());
    }
    let (job, answer) = send("alice", &text("m-20", "bob", "hi"));
    assert!(jobs.send(job).is_ok());
    mids.push(answer.await.unwrap().unwrap().mid);

    handle.pushed(210).await;
    for session in 0..10 {
        let recorder = handle.0.lock();
        let of_session = recorder.pushed.iter().filter(|&&(to, _)| to == session);
        assert_eq!(of_session.map(|(_, item)| item.id).collect::<Vec<_>>(), mids);
    }
}

#[tokio::test]
async fn the_task_ends_when_nobody_can_ask_any_more() {
    let (jobs, _handle, task) = spawn(World::new(sqlite().await).await);
    let (job, answer) = send("alice", &text("m-1", "bob", "hi"));
    assert!(jobs.send(job).is_ok());
    drop(jobs);
    timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
    assert!(answer.await.unwrap().is_ok(), "what was asked is done first");
}

#[tokio::test]
async fn what_comes_after_the_close_is_refused() {
    let (jobs, _handle, task) = spawn(World::new(sqlite().await).await);
    let (first, first_answer) = send("alice", &text("m-1", "bob", "hi"));
    let (done, closed) = oneshot::channel();
    assert!(jobs.send(first).is_ok());
    assert!(jobs.send(Job::Close(done)).is_ok());
    closed.await.unwrap();
    task.await.unwrap();
    let (second, second_answer) = send("alice", &text("m-2", "bob", "hi"));
    assert!(jobs.send(second).is_err());
    assert!(first_answer.await.unwrap().is_ok());
    assert!(second_answer.await.is_err());
}

#[tokio::test]
async fn changes_of_groups_are_taken_at_the_start_and_when_there_are_new_ones() {
    let world = World::new(sqlite().await).await;
    world.write_changes(78, &[notice("frank")]).await;
    let (database, outbox) = (Arc::clone(&world.database), world.outbox.clone());
    let (_jobs, handle, _task) = spawn_with(world, outbox.clone());
    assert_eq!(handle.published(1).await, [1]);

    let mut tx = database.pool().begin().await.unwrap();
    outbox.append(&mut tx, 78, &vec![notice("frank"); 600]).await.unwrap();
    tx.commit().await.unwrap();
    outbox.wake();
    assert_eq!(handle.published(601).await, (1..=601).collect::<Vec<_>>());
}
