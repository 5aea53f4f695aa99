//! A proxy between a page and the server that can drop, insert and cut.
//!
//! Everything except WebSockets passes unchanged. The server's WebSocket frames pass one by one, so
//! that lost and inserted frames are whole.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use comet_protocol::comet::ServerFrame;
use comet_protocol::ws::{FrameHead, Opcode, write_frame};
use comet_protocol::{Layout, frames_of};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::wait;

const MAX_BODY: usize = 1 << 20;

/// A proxy in front of a server.
#[derive(Debug)]
pub(crate) struct Line {
    address: SocketAddr,
    orders: broadcast::Sender<Order>,
    told: Arc<Told>,
    task: JoinHandle<()>,
}

#[derive(Clone, Debug)]
enum Order {
    Cut,
    Lose,
    Say(Bytes),
}

/// The state of the line.
#[derive(Debug, Default)]
struct Told {
    connections: AtomicUsize,
    lost: Mutex<Vec<u32>>,
}

impl Line {
    /// A line to the server with this address.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (orders, _) = broadcast::channel(16);
        let told = Arc::<Told>::default();
        let task = tokio::spawn(accept(listener, server, orders.clone(), Arc::clone(&told)));
        Self { address, orders, told, task }
    }

    /// The page's URL through this line.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Number of WebSockets so far.
    pub(crate) fn connections(&self) -> usize {
        self.told.connections.load(Ordering::SeqCst)
    }

    /// Cuts the current WebSocket, with data in transit.
    pub(crate) fn cut(&self) {
        self.order(Order::Cut);
    }

    /// Drops the server's frames from now on, until the line is cut.
    pub(crate) fn lose(&self) {
        self.told.lost.lock().clear();
        self.order(Order::Lose);
    }

    /// Inserts a frame in the server's name.
    pub(crate) fn say(&self, frame: &ServerFrame) {
        let (mut packet, mut message) = (Vec::new(), Vec::new());
        frame.write(&mut packet);
        write_frame(&mut message, Opcode::Binary, &packet);
        self.order(Order::Say(message.into()));
    }

    /// Waits until at least this many deliveries were lost since [`Line::lose`]; returns their
    /// numbers.
    pub(crate) async fn wait_for_losses(&self, count: usize) -> Vec<u32> {
        let lost = wait::poll(async || {
            let lost = self.told.lost.lock().clone();
            if lost.len() >= count { Ok(lost) } else { Err(lost) }
        });
        lost.await.expect("deliveries are lost")
    }

    fn order(&self, order: Order) {
        self.orders.send(order).expect("there is a WebSocket");
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    orders: broadcast::Sender<Order>,
    told: Arc<Told>,
) {
    while let Ok((page, _)) = listener.accept().await {
        let (orders, told) = (orders.clone(), Arc::clone(&told));
        tokio::spawn(async move {
            // A failure of either side ends both.
            let _ = connect(page, server, &orders, &told).await;
        });
    }
}

async fn connect(
    mut page: TcpStream,
    server: SocketAddr,
    orders: &broadcast::Sender<Order>,
    told: &Told,
) -> std::io::Result<()> {
    let mut first = [0; 8];
    if page.peek(&mut first).await? == 0 {
        return Ok(());
    }
    let mut server = TcpStream::connect(server).await?;
    if first.starts_with(b"GET /sub") {
        told.connections.fetch_add(1, Ordering::SeqCst);
        return carry(page, server, orders.subscribe(), told).await;
    }
    copy_bidirectional(&mut page, &mut server).await.map(|_| ())
}

/// Relays a WebSocket until either side or an order ends it.
async fn carry(
    mut page: TcpStream,
    mut server: TcpStream,
    mut orders: broadcast::Receiver<Order>,
    told: &Told,
) -> std::io::Result<()> {
    let mut from_page = BytesMut::new();
    let mut from_server = Frames::default();
    let mut loses = false;
    loop {
        tokio::select! {
            read = page.read_buf(&mut from_page) => {
                if read? == 0 {
                    return Ok(());
                }
                server.write_all_buf(&mut from_page).await?;
            }
            read = server.read_buf(&mut from_server.unread) => {
                if read? == 0 {
                    return Ok(());
                }
                while let Some(frame) = from_server.next() {
                    if loses {
                        told.lost.lock().extend(numbers_in(&frame));
                    } else {
                        page.write_all(&frame).await?;
                    }
                }
            }
            order = orders.recv() => match order {
                Ok(Order::Lose) => loses = true,
                Ok(Order::Say(frame)) => page.write_all(&frame).await?,
                Ok(Order::Cut) | Err(_) => return Ok(()),
            },
        }
    }
}

/// The server's output: the answer to the upgrade, then frames.
#[derive(Debug, Default)]
struct Frames {
    unread: BytesMut,
    upgraded: bool,
}

impl Frames {
    /// The next whole unit.
    fn next(&mut self) -> Option<Bytes> {
        let len = if self.upgraded {
            let (head, len) = FrameHead::parse(&self.unread).expect("the server's frames")?;
            len + usize::try_from(head.payload_len).expect("a length")
        } else {
            self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4
        };
        if self.unread.len() < len {
            return None;
        }
        self.upgraded = true;
        Some(self.unread.split_to(len).freeze())
    }
}

/// The numbers of the deliveries in a frame.
fn numbers_in(frame: &Bytes) -> Vec<u32> {
    let Ok(Some((_, len))) = FrameHead::parse(frame) else { return Vec::new() };
    let mut packets = frame.clone();
    packets.advance(len);
    let frames = frames_of(Layout::Dtalk, &packets, MAX_BODY).unwrap_or_default();
    let numbers =
        frames.into_iter().filter_map(|frame| match ServerFrame::decode(frame.head, frame.body) {
            Ok(ServerFrame::Deliver { seq, .. }) => Some(seq.get()),
            _ => None,
        });
    numbers.collect()
}
