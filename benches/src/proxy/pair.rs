//! One connection through the proxy: two sockets, and the bytes between them.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::fault::Fault;
use crate::driver::reset;

#[derive(Debug)]
struct End {
    stream: TcpStream,
    /// Bytes that this end has not taken yet; nothing more is read for it meanwhile.
    unsent: Vec<u8>,
    /// Nothing more comes from here.
    has_ended: bool,
    /// Nothing more goes here.
    is_shut: bool,
}

/// Client and gateway.
#[derive(Debug)]
pub(super) struct Pair {
    ends: [End; 2],
    /// Bytes that may still pass before the connection breaks.
    fuse: Option<usize>,
}

/// Whether a pair goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    Alive,
    /// Both ends have finished.
    Done,
    /// One of them is gone, or the fuse has burnt down.
    Broken,
}

impl End {
    fn new(stream: TcpStream) -> Self {
        Self { stream, unsent: Vec::new(), has_ended: false, is_shut: false }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.unsent = Vec::new();
        Ok(())
    }

    fn shut(&mut self) {
        if !std::mem::replace(&mut self.is_shut, true) {
            // An end that is gone needs no farewell.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

impl Pair {
    pub(super) fn new(client: TcpStream, gateway: TcpStream) -> Self {
        Self { ends: [End::new(client), End::new(gateway)], fuse: None }
    }

    pub(super) fn register(&mut self, registry: &Registry, first: usize) -> io::Result<()> {
        for (end, token) in self.ends.iter_mut().zip(first..) {
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut end.stream, Token(token), interest)?;
        }
        Ok(())
    }

    /// Breaks now, or soon.
    pub(super) fn handle_fault(&mut self, fault: Fault) -> Fate {
        match fault {
            Fault::Reset { after: 0 } => return Fate::Broken,
            Fault::Reset { after } => self.fuse = Some(after),
            Fault::HalfClose { towards } => {
                self.ends[towards].unsent.clear();
                self.ends[towards].shut();
            }
        }
        Fate::Alive
    }

    /// Moves bytes both ways, as many as possible.
    pub(super) fn pump(&mut self, buffer: &mut [u8]) -> Fate {
        for from in [0, 1] {
            match self.forward(from, buffer) {
                Ok(Fate::Alive) => {}
                Ok(fate) => return fate,
                Err(_) => return Fate::Broken,
            }
        }
        let is_done = |end: &End| end.has_ended && end.unsent.is_empty();
        if self.ends.iter().all(is_done) { Fate::Done } else { Fate::Alive }
    }

    fn forward(&mut self, from: usize, buffer: &mut [u8]) -> io::Result<Fate> {
        let to = 1 - from;
        loop {
            self.ends[to].flush()?;
            if !self.ends[to].unsent.is_empty() {
                return Ok(Fate::Alive);
            }
            if self.ends[from].has_ended {
                self.ends[to].shut();
                return Ok(Fate::Alive);
            }
            let read = match self.ends[from].stream.read(buffer) {
                Ok(0) => {
                    self.ends[from].has_ended = true;
                    continue;
                }
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Fate::Alive),
                Err(error) => return Err(error),
            };
            let passes = self.fuse.map_or(read, |fuse| fuse.min(read));
            if !self.ends[to].is_shut {
                self.ends[to].unsent.extend_from_slice(&buffer[..passes]);
            }
            if let Some(fuse) = &mut self.fuse {
                *fuse -= passes;
                if *fuse == 0 {
                    self.ends[to].flush()?;
                    return Ok(Fate::Broken);
                }
            }
        }
    }

    /// Both ends learn of the end by a reset.
    pub(super) fn reset(&self) {
        self.ends.iter().for_each(|end| reset(&end.stream));
    }
}
