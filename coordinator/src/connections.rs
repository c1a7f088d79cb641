//! How many connections the website's port holds at once: in all, and from one address, so that slow or idle ones leave room
//! for others. A connection over the limit is closed before a byte of it is read.

use axum_server::accept::Accept;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tower::Service;

/// Connections at once.
const IN_ALL: usize = 768;
/// Connections from one address at once; a whole office may share one.
const PER_ADDRESS: usize = 256;

/// Lets connections in while there is room. Cloning shares the count.
#[derive(Clone, Default)]
pub(crate) struct Room(Arc<Shared>);

#[derive(Default)]
struct Shared {
    open: Mutex<Open>,
    /// Proxies in front of this server: many people's connections come from them.
    proxies: Vec<IpAddr>,
}

#[derive(Default)]
struct Open {
    in_all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Room {
    /// Room in which `proxies`, and this machine itself, may fill all of it.
    pub(crate) fn with_proxies(proxies: &[IpAddr]) -> Room {
        Room(Arc::new(Shared {
            proxies: proxies.to_vec(),
            ..Shared::default()
        }))
    }

    fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let counted = (!address.is_loopback() && !self.0.proxies.contains(&address))
            .then(|| network(address));
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let here = counted.and_then(|address| open.by_address.get(&address));
        if open.in_all >= IN_ALL || here.is_some_and(|open| *open >= PER_ADDRESS) {
            return None;
        }
        open.in_all += 1;
        if let Some(address) = counted {
            *open.by_address.entry(address).or_default() += 1;
        }
        Some(Place {
            room: self.clone(),
            address: counted,
        })
    }
}

/// The network of an address: itself, or for IPv6 its /64, which one household or attacker holds whole.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

/// A connection's place, given back when it ends.
struct Place {
    room: Room,
    address: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = (self.room.0.open.lock()).unwrap_or_else(PoisonError::into_inner);
        open.in_all -= 1;
        if let Some(address) = self.address
            && let Some(count) = open.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

impl<S: Send + 'static> Accept<TcpStream, S> for Room {
    type Stream = TcpStream;
    type Service = Placed<S>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(TcpStream, Placed<S>)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let room = self.clone();
        Box::pin(async move {
            stream.set_nodelay(true)?;
            let place = room.enter(stream.peer_addr()?.ip());
            let place = place.ok_or_else(|| io::Error::other("too many connections"))?;
            Ok((
                stream,
                Placed {
                    service,
                    _place: Arc::new(place),
                },
            ))
        })
    }
}

/// A connection's service together with its place.
#[derive(Clone)]
pub(crate) struct Placed<S> {
    service: S,
    _place: Arc<Place>,
}

impl<S: Service<R>, R> Service<R> for Placed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.service.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others_and_places_are_given_back() {
        let proxy = IpAddr::from([10, 0, 0, 1]);
        let room = Room::with_proxies(&[proxy]);
        let one = IpAddr::from([192, 0, 2, 1]);
        let mut places: Vec<Place> = (0..PER_ADDRESS).filter_map(|_| room.enter(one)).collect();
        assert_eq!(places.len(), PER_ADDRESS);
        assert!(room.enter(one).is_none());
        assert!(room.enter(IpAddr::from([192, 0, 2, 2])).is_some());
        places.pop();
        let again = room.enter(one);
        assert!(again.is_some());
        // A network that is one household's is one, whatever addresses it takes.
        let of_one = |n: usize| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, n as u16]);
        let six: Vec<Place> = (0..2 * PER_ADDRESS)
            .filter_map(|n| room.enter(of_one(n)))
            .collect();
        assert_eq!(six.len(), PER_ADDRESS);
        drop(six);
        let through: Vec<Place> = (0..IN_ALL).filter_map(|_| room.enter(proxy)).collect();
        assert_eq!(through.len(), IN_ALL - PER_ADDRESS);
        assert!(room.enter(IpAddr::from([127, 0, 0, 1])).is_none());
        drop((places, again, through));
        let open = room.0.open.lock().expect("not poisoned");
        assert_eq!((open.in_all, open.by_address.len()), (0, 0));
    }
}
