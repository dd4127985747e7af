//! Applies the actions on managers' connectors: through their own door, and that of the network. Decides no time.

use crate::base::NodeId;
use crate::net::{Address, NetFault, RuleId};
use crate::node::Service;
use crate::scenario::{Action, ConnectorSelector};

use super::apply::{Applied, Undo};
use super::net::NetUndo;
use crate::world::records::{ActionName, FaultApplied};
use crate::world::select;
use crate::world::simulate::World;
use crate::world::watch::{Awaited, Ends};

/// A connector: the manager's number, and its own.
pub(in crate::world) type Connector = (usize, u8);

/// How to take an action on a connector back that is not the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum ConnectorUndo {
    Start(Connector),
}

impl World<'_> {
    pub(super) fn apply_to_connector(&mut self, entry: u32, action: &Action) -> Applied {
        let selector = match action {
            Action::ConnectorStop(args)
            | Action::ConnectorStart(args)
            | Action::ConnectorRenumber(args)
            | Action::ConnectorAddressConflict(args)
            | Action::ConnectorPortInUse(args) => args.connector,
            _ => return Applied::Nothing,
        };
        let is_drawn = matches!(selector, ConnectorSelector::Any);
        let mut rng = self.rng.clone();
        let chosen = select::connectors(selector, &self.stage)
            .draw(&mut rng, |_, it| self.can_be_done(action, it, is_drawn));
        self.rng = rng;
        let mut undos = Vec::new();
        for connector in &chosen {
            let node = self.stage.connectors[connector.0].node();
            let applied = FaultApplied { entry, action: ActionName::of(action), node };
            self.stage.kernel.emit(None, &applied);
            self.note_trouble(&[node]);
            undos.extend(self.act_on_connector(entry, action, *connector));
        }
        // One that was stopped already may be started soon.
        self.outcome(!chosen.is_empty(), is_drawn, undos, true)
    }

    /// Whether the action has something to do, and where it `is_drawn` on which connector, whether another one of the
    /// manager's goes on.
    fn can_be_done(&self, action: &Action, (manager, number): Connector, is_drawn: bool) -> bool {
        let connectors = &self.stage.connectors[manager];
        let is_stopped = connectors.is_stopped(number);
        let others = (0..connectors.count()).filter(|other| *other != number);
        let is_left = || others.into_iter().any(|other| connectors.is_up(other));
        match action {
            Action::ConnectorStart(_) => is_stopped,
            Action::ConnectorStop(_) => !is_stopped && (!is_drawn || is_left()),
            _ => !is_drawn || is_left(),
        }
    }

    fn act_on_connector(
        &mut self,
        entry: u32,
        action: &Action,
        (manager, number): Connector,
    ) -> Vec<Undo> {
        let connectors = self.stage.connectors[manager].clone();
        let (node, fabric) = (connectors.node(), self.stage.fabric.clone());
        match action {
            Action::ConnectorStop(_) => {
                connectors.stop(number);
                vec![Undo::Connector(ConnectorUndo::Start((manager, number)))]
            }
            Action::ConnectorRenumber(_) => {
                let awaited = Awaited::Net(NetFault::Renumber, Ends::Node(node));
                self.watch.await_effect(awaited, entry);
                for interface in connectors.interfaces(number) {
                    fabric.renumber(Address { node, interface });
                }
                Vec::new()
            }
            Action::ConnectorAddressConflict(_) => {
                self.await_listener(entry, node, (manager, number));
                let interfaces = connectors.interfaces(number);
                let rules: Vec<RuleId> = interfaces
                    .map(|interface| fabric.address_conflict(Address { node, interface }))
                    .collect();
                rules.into_iter().map(|rule| self.impair(NetUndo::Rule(rule, node, node))).collect()
            }
            Action::ConnectorPortInUse(_) => {
                self.await_listener(entry, node, (manager, number));
                let ports = self.ports((manager, number)).into_iter();
                let rules: Vec<RuleId> = ports.map(|port| fabric.port_in_use(node, port)).collect();
                rules.into_iter().map(|rule| self.impair(NetUndo::Rule(rule, node, node))).collect()
            }
            _ => {
                connectors.start(number);
                Vec::new()
            }
        }
    }

    /// Who listens at one of the connector's ports is to notice.
    fn await_listener(&self, entry: u32, node: NodeId, connector: Connector) {
        for port in self.ports(connector) {
            self.watch.await_effect(Awaited::Listener(node, port), entry);
        }
    }

    /// The ports at which a connector listens.
    fn ports(&self, (manager, number): Connector) -> Vec<u16> {
        let api = self.stage.control.as_ref().map(|_| Service::Api);
        let services = [Some(Service::Manager), api].into_iter().flatten();
        let connectors = &self.stage.connectors[manager];
        services.map(|service| connectors.seat(number, service).port).collect()
    }

    pub(super) fn undo_on_connector(&mut self, undo: ConnectorUndo) {
        let ConnectorUndo::Start((manager, number)) = undo;
        let connectors = &self.stage.connectors[manager];
        if connectors.is_stopped(number) {
            connectors.start(number);
        }
    }

    /// Every connector is to listen.
    pub(super) fn stop_connector_faults(&mut self) {
        for connectors in &self.stage.connectors {
            let stopped = (0..connectors.count()).filter(|it| connectors.is_stopped(*it));
            stopped.for_each(|it| connectors.start(it));
        }
    }
}
