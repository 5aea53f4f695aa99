//! The process that listens on an address of this machine, from `/proc`.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Kind of a listener's socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Network {
    /// A socket of TCP that listens.
    Tcp,
    /// A socket of UDP.
    Udp,
}

impl Network {
    const fn tables(self) -> [&'static str; 2] {
        match self {
            Self::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
            Self::Udp => ["/proc/net/udp", "/proc/net/udp6"],
        }
    }

    /// The state of a socket that listens: one of UDP is unconnected, as the kernel says "closed".
    const fn state(self) -> &'static str {
        match self {
            Self::Tcp => "0A",
            Self::Udp => "07",
        }
    }
}

/// The process that listens there: the oldest, if several share the socket.
///
/// Processes of other users are seen by the administrator alone.
#[must_use]
pub fn listener(network: Network, at: SocketAddr) -> Option<u32> {
    let tables = network.tables().map(|path| fs::read_to_string(path).ok());
    let lines = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
    let inodes: Vec<u64> = lines.filter_map(|line| listens(network, line, at)).collect();
    let is_one = |target: &str| inodes.iter().any(|inode| target == format!("socket:[{inode}]"));
    processes().filter(|pid| targets(*pid).any(|target| is_one(&target))).min()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Targets of a process's descriptors.
fn targets(pid: u32) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read_link(entry.path()).ok()?.into_os_string().into_string().ok())
}

/// The inode of a line's socket, if it listens at the address.
fn listens(network: Network, line: &str, at: SocketAddr) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let is_there =
        port == at.port() && *state == network.state() && takes(address_of(address)?, at.ip());
    is_there.then(|| inode.parse().ok())?
}

/// Whether the listener of one address gets connections to the other.
fn takes(listens: IpAddr, to: IpAddr) -> bool {
    let listens = listens.to_canonical();
    let is_any = match listens {
        IpAddr::V4(address) => address.is_unspecified() && to.is_ipv4(),
        IpAddr::V6(address) => address.is_unspecified(),
    };
    is_any || listens == to.to_canonical()
}

/// Words of four bytes, each in the machine's own order.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            let bytes: [u8; 16] = words.try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn the_process_that_listens_is_found_and_one_that_does_not_is_not() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0"] {
            let socket = TcpListener::bind(address).unwrap();
            let mut at = socket.local_addr().unwrap();
            if at.ip().is_unspecified() {
                at.set_ip(Ipv4Addr::LOCALHOST.into());
            }
            assert_eq!(listener(Network::Tcp, at), Some(std::process::id()), "{address}");
            drop(socket);
            assert_eq!(listener(Network::Tcp, at), None, "{address}");
            let at = UdpSocket::bind(at).unwrap();
            let found = listener(Network::Udp, at.local_addr().unwrap());
            assert_eq!(found, Some(std::process::id()), "{address}");
        }
    }

    #[test]
    fn a_line_names_address_state_and_inode() {
        let line = "  1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
                    0  0 4711 1 0000000000000000 100 0 0 10 0";
        let at = |text: &str| listens(Network::Tcp, line, text.parse().unwrap());
        assert_eq!(at("127.0.0.1:8080"), Some(4_711));
        assert_eq!([at("127.0.0.1:8081"), at("127.0.0.2:8080")], [None, None]);
        let connected = line.replace(" 0A ", " 01 ");
        assert_eq!(listens(Network::Tcp, &connected, "127.0.0.1:8080".parse().unwrap()), None);
    }
}
