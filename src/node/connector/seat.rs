//! Where connectors listen, and which one a peer tries next. Listens at none.

use crate::base::planted;
use crate::net::port::{Address, Port};
use crate::node::channel::Frame;
use crate::node::config::ClusterMap;
use crate::node::protocol::Service;

/// The most connectors that a manager has.
pub const CONNECTORS_MAX: u8 = 8;

/// The ports of a connector are so far from those of the one before it.
const PORTS_EACH: u16 = 16;

/// Where a connector listens for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The interface; none, where it listens on all of them.
    pub interface: Option<u8>,
    /// The port.
    pub port: u16,
}

/// Where a connector listens, of so many, on a node with so many interfaces. One that is alone listens on all interfaces;
/// of several each has one of its own, as far as there are enough, and in any case ports of its own.
#[must_use]
pub fn seat(connector: u8, connectors: u8, interfaces: u8, service: Service) -> Seat {
    let interface = (connectors > 1).then(|| connector % interfaces.max(1));
    Seat { interface, port: service as u16 + PORTS_EACH * u16::from(connector) }
}

/// How to reach a service of a manager: from which interface to which, and at which port.
pub(in crate::node) struct Approach {
    pub(in crate::node) way: (Address, Address),
    pub(in crate::node) port: u16,
}

/// What to try next: as `attempt` counts up from 0, each manager has its turn (only the one that leads listens), then each
/// connector, and each pair of interfaces that lead to it. Nodes do not all begin with the same connector.
pub(in crate::node) fn approach(
    map: &ClusterMap,
    port: &Port<Frame>,
    service: Service,
    attempt: u32,
) -> Approach {
    let managers = map.managers.len() as u32;
    let attempt = if planted!(OneAddressKnown) { 0 } else { attempt };
    let (manager, attempt) = (map.managers[(attempt % managers) as usize], attempt / managers);
    if map.connectors <= 1 {
        return Approach { way: port.way(manager, attempt), port: service as u16 };
    }
    let (count, interfaces) = (u32::from(map.connectors), u32::from(port.interfaces()));
    let turn = attempt.wrapping_add(port.node().get());
    let seat = seat((turn % count) as u8, map.connectors, port.interfaces(), service);
    let local = (attempt / count).wrapping_add(turn) % interfaces;
    let local = Address { node: port.node(), interface: local as u8 };
    let remote = Address { node: manager, interface: seat.interface.unwrap_or(0) };
    Approach { way: (local, remote), port: seat.port }
}

/// How many approaches there are, before the first comes again.
pub(in crate::node) fn approaches(map: &ClusterMap, port: &Port<Frame>) -> u32 {
    let interfaces = u32::from(port.interfaces());
    let seats = if map.connectors <= 1 { interfaces } else { u32::from(map.connectors) };
    map.managers.len() as u32 * seats * interfaces
}

#[cfg(test)]
mod tests {
    use super::{CONNECTORS_MAX, PORTS_EACH, seat};
    use crate::node::protocol::Service;

    #[test]
    fn one_connector_listens_everywhere_at_the_ports_of_the_services() {
        let seat = seat(0, 1, 4, Service::Api);
        assert_eq!((seat.interface, seat.port), (None, Service::Api as u16));
    }

    #[test]
    fn no_two_connectors_have_a_port_in_common() {
        const SERVICES: [Service; 4] =
            [Service::Data, Service::Manager, Service::Api, Service::Database];
        let all = (0..CONNECTORS_MAX).flat_map(|connector| {
            SERVICES.map(|service| seat(connector, CONNECTORS_MAX, 2, service).port)
        });
        let mut ports: Vec<u16> = all.collect();
        assert!(SERVICES.iter().all(|service| (*service as u16) < PORTS_EACH));
        let count = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), count);
    }

    #[test]
    fn connectors_use_different_interfaces_where_there_are_enough() {
        let interfaces = |connectors, count| -> Vec<Option<u8>> {
            let seats = (0..connectors).map(|it| seat(it, connectors, count, Service::Manager));
            seats.map(|seat| seat.interface).collect()
        };
        assert_eq!(interfaces(2, 2), [Some(0), Some(1)]);
        assert_eq!(interfaces(3, 1), [Some(0), Some(0), Some(0)]);
    }
}
