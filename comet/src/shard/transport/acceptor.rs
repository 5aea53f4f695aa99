//! Acceptors: connections that wait to be accepted.

use std::io;
use std::net::SocketAddr;

use mio::net::TcpListener;
use socket2::SockRef;

use super::Transport;
use crate::shard::liveness::Liveness;
#[cfg(feature = "simulation")]
use crate::shard::simulated::Backlog;

/// Where connections wait to be accepted. Dropping it turns them away.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(TcpListener),
    /// Filled by the simulated network.
    #[cfg(feature = "simulation")]
    Virtual(Backlog),
}

/// Whether accepted sockets have the listener's options, which saves a system call for each.
const INHERITS: bool = cfg!(target_os = "linux");

impl Acceptor {
    /// Takes over a listening socket that has been set non-blocking. Small writes of what is
    /// accepted leave at once; the gateway collects them itself.
    pub(crate) fn from_std(
        listener: std::net::TcpListener,
        liveness: &Liveness,
    ) -> io::Result<Self> {
        let options = SockRef::from(&listener);
        // Where they are not inherited, what is accepted goes without keepalive.
        liveness.set(&options)?;
        if INHERITS {
            options.set_tcp_nodelay(true)?;
        }
        Ok(Self::Tcp(TcpListener::from_std(listener)))
    }

    /// The next connection, and where it comes from.
    pub(in crate::shard) fn accept(&self) -> io::Result<(Transport, SocketAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (socket, remote) = listener.accept()?;
                if !INHERITS {
                    socket.set_nodelay(true)?;
                }
                Ok((Transport::Tcp(socket), remote))
            }
            #[cfg(feature = "simulation")]
            Self::Virtual(backlog) => backlog.accept().map(|end| {
                let remote = end.remote();
                (Transport::Virtual(end), remote)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_accepted_has_the_options_of_its_listener() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let liveness = Liveness::new(&crate::IoConfig::default());
        let acceptor = Acceptor::from_std(listener, &liveness).unwrap();
        let _peer = std::net::TcpStream::connect(address).unwrap();
        let (socket, _) = acceptor.accept().unwrap();
        let Transport::Tcp(socket) = socket else { panic!("a real one") };
        assert!(socket.nodelay().unwrap(), "small writes leave at once");
        if INHERITS {
            let options = SockRef::from(&socket);
            assert!(options.keepalive().unwrap());
            let probes = options.tcp_keepalive_interval().unwrap()
                * options.tcp_keepalive_retries().unwrap();
            let found = options.tcp_keepalive_time().unwrap() + probes;
            assert_eq!(found, Duration::from_secs(30 + 4 * 7), "within 60 s");
            assert_eq!(options.tcp_user_timeout().unwrap(), Some(Duration::from_secs(25)));
        }
    }
}
