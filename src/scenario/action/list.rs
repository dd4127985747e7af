//! The actions of a fault script, by family: their names, their arguments, what can be undone. Applies
//! none.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, EnumAccess, Error, VariantAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::api::{
    ChangedNode, ChangedVolumeDefinition, Listing, Named, NewNode, NewResource,
    NewResourceDefinition, NewStoragePool, NewVolumeDefinition, PoolNamed, ResourceOn,
    VolumeNumbered,
};
use super::app::{ClientOnly, ClientVolume};
use super::connector::ConnectorOnly;
use super::cpu::{CpuOnly, SlowCpu};
use super::database::{DatabaseOnly, FailCommit, RestoreOldSnapshot, SlowDatabase};
use super::disk::{
    BreakWith, DiskClient, DiskOnly, FailNext, FlipBits, HangDisk, InjectRandomFailure,
    InsertBadSector, NextCommands, RestoreOldImage, SlowDisk, SwapDisks,
};
use super::external::{DevicesOnly, ExitWith, Flood, ProgramsOnly, SlowPrograms};
use super::manager::{ForceReboot, HoldAcks, IgnoreNextClientMessage, InjectFalseMessage};
use super::memory::{FailNextMemory, LimitMemory};
use super::net::{
    DelayLink, DelayNextMessages, InterfaceOnly, LinkOdds, LinkOnly, NarrowLink, NextMessages,
    Partition,
};
use super::node::{ClockDrift, ClockJump, NodeOnly, Reboot, Wipe};
use crate::scenario::connector::ConnectorSelector;
use crate::scenario::ids::{CpuSelector, DiskSelector, NodeSelector};
use crate::scenario::interface::InterfaceSelector;
use crate::scenario::own::{OwnCall, is_own_name};

/// An argument that says where an action is applied.
#[derive(Clone, Copy, Debug)]
pub enum Where<'a> {
    /// A node.
    Node(NodeSelector),
    /// A client.
    Client(NodeSelector),
    /// A target.
    Target(NodeSelector),
    /// A target, or one of several managers.
    WithDisks(NodeSelector),
    /// A volume, by its name.
    Volume(&'a str),
    /// A disk of a target.
    Disk(&'a DiskSelector),
    /// An interface of a node.
    Interface(InterfaceSelector),
    /// A connector of a manager.
    Connector(ConnectorSelector),
    /// A CPU of a node.
    Cpu(CpuSelector),
}

/// What the arguments of an action, or of a condition of a program's own, can say of themselves.
pub trait Arguments {
    /// Those that say where it is applied, by their keys: the loader sees to it that there is such a place.
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        Vec::new()
    }
}

/// An action, whatever its arguments.
#[derive(Clone, Copy, Debug)]
pub struct ActionInfo {
    /// Its name in a scenario.
    pub name: &'static str,
    /// What it is applied to.
    pub family: Family,
    /// Whether an entry may undo it after a time with `for`.
    pub can_be_undone: bool,
    /// The version of this program that first had it.
    pub since: &'static str,
}

/// Defines [`Action`] and [`Family`]: per action its name in a file, its arguments and whether `for`
/// can undo it.
macro_rules! actions {
    ($($(#[$family_doc:meta])* $family:ident = $prefix:literal {
        $($(#[$doc:meta])* $variant:ident($args:ident) = $name:literal, $undo:ident
            $(, since $since:literal)?;)*
    })*) => {
        /// What a script entry does to the cluster. Named as the control methods and the trace are.
        #[derive(Clone, Debug, PartialEq, JsonSchema)]
        pub enum Action {
            $($($(#[$doc])* #[schemars(rename = $name)] $variant($args)),*),*,
            /// One that the program adds.
            #[schemars(skip)]
            Own(OwnCall),
        }

        /// What an action is applied to: the part of its name before the dot.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Family {
            $($(#[$family_doc])* $family),*,
            /// What a program adds.
            Own,
        }

        impl Family {
            /// Those of the format, in order.
            pub const ALL: &'static [Self] = &[$(Self::$family),*];

            /// The part of an action's name before the dot.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$family => $prefix),*, Self::Own => "own" }
            }
        }

        impl Action {
            /// The name of every action, in order.
            pub const NAMES: &'static [&'static str] = &[$($($name),*),*];

            /// What there is to know of every action without its arguments, in order.
            pub const ALL: &'static [ActionInfo] = &[$($(ActionInfo {
                name: $name,
                family: Family::$family,
                can_be_undone: actions!(@ $undo),
                since: actions!(@ since $($since)?),
            }),*),*];

            /// Its name in a scenario, such as `disk.slow`.
            #[must_use]
            pub fn name(&self) -> &str {
                match self { $($(Self::$variant(_) => $name),*),*, Self::Own(call) => &call.name }
            }
            /// What it is applied to.
            #[must_use]
            pub const fn family(&self) -> Family {
                match self { $($(Self::$variant(_))|* => Family::$family),*, Self::Own(_) => Family::Own }
            }
            /// Whether an entry may undo it after a time with `for`. Of one that the program adds its vocabulary knows.
            #[must_use]
            pub const fn can_be_undone(&self) -> bool {
                match self { $($(Self::$variant(_) => actions!(@ $undo)),*),*, Self::Own(_) => true }
            }
            /// The arguments that say where it is applied, by their keys.
            pub(in crate::scenario) fn places(&self) -> Vec<(&'static str, Where<'_>)> {
                match self { $($(Self::$variant(args) => args.places()),*),*, Self::Own(_) => Vec::new() }
            }
        }

        impl Serialize for Action {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $($(Self::$variant(args) =>
                        serializer.serialize_newtype_variant("Action", 0, $name, args)),*),*,
                    Self::Own(call) => call.serialize(serializer),
                }
            }
        }

        impl<'de> Visitor<'de> for AnyAction {
            type Value = Action;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an action")
            }
            fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Action, A::Error> {
                let (name, arguments) = data.variant::<String>()?;
                match name.as_str() {
                    $($($name => arguments.newtype_variant().map(Action::$variant),)*)*
                    own if is_own_name(own) => {
                        let arguments = arguments.newtype_variant()?;
                        Ok(Action::Own(OwnCall { name, arguments }))
                    }
                    unknown => Err(A::Error::unknown_variant(unknown, Action::NAMES)),
                }
            }
        }
    };
    (@ undoes) => { true };
    (@ stays) => { false };
    (@ since) => { "0.1.0" };
    (@ since $since:literal) => { $since };
}

actions! {
    /// What happens to disks.
    Disk = "disk" {
        /// Blocks of the disk fail every read until they are rewritten or healed.
        DiskInsertBadSector(InsertBadSector) = "disk.insert_bad_sector", undoes;
        /// Lifts every bad sector and injected failure from the disk.
        DiskHeal(DiskOnly) = "disk.heal", stays;
        /// Commands of the disk fail at random.
        DiskInjectRandomFailure(InjectRandomFailure) = "disk.inject_random_failure", undoes;
        /// The next commands of the disk fail.
        DiskFailNext(FailNext) = "disk.fail_next", stays;
        /// The client can no longer reach the disk; everybody else can.
        DiskDisconnectFromClient(DiskClient) = "disk.disconnect_from_client", undoes;
        /// The client can reach the disk again.
        DiskReconnectToClient(DiskClient) = "disk.reconnect_to_client", stays;
        /// Commands of the disk take `factor` times as long.
        DiskSlow(SlowDisk) = "disk.slow", undoes;
        /// Commands of the disk do not complete.
        DiskHang(HangDisk) = "disk.hang", undoes;
        /// The disk is pulled out: its commands fail, its contents stay.
        DiskUnplug(DiskOnly) = "disk.unplug", undoes;
        /// The disk is put back.
        DiskPlug(DiskOnly) = "disk.plug", stays;
        /// Every command of the disk fails.
        DiskBreakWith(BreakWith) = "disk.break_with", undoes;
        /// Another, blank disk takes the disk's place.
        DiskReplace(DiskOnly) = "disk.replace", stays;
        /// Two disks are in each other's place: somebody mixed them up.
        DiskSwap(SwapDisks) = "disk.swap", undoes;
        /// The disk takes no write.
        DiskReadOnly(DiskOnly) = "disk.read_only", undoes;
        /// The next writes are torn within a block, and acknowledged.
        DiskTearNextWrite(NextCommands) = "disk.tear_next_write", undoes;
        /// The next writes are acknowledged and not done.
        DiskLoseNextWrite(NextCommands) = "disk.lose_next_write", undoes;
        /// The next writes go to another place, and are acknowledged.
        DiskMisdirectNextWrite(NextCommands) = "disk.misdirect_next_write", undoes;
        /// The next reads are answered from another place.
        DiskMisdirectNextRead(NextCommands) = "disk.misdirect_next_read", undoes;
        /// The completions of the next commands come twice: again with that of a later command.
        DiskDuplicateNextCompletion(NextCommands) = "disk.duplicate_next_completion", undoes;
        /// Bits of a block flip, until it is rewritten or healed.
        DiskFlipBits(FlipBits) = "disk.flip_bits", undoes;
        /// The disk's own power fails for a moment: what is only in its volatile cache may be lost.
        DiskDropCache(DiskOnly) = "disk.drop_cache", stays;
        /// The disk holds again what it held some time ago.
        DiskRestoreOldImage(RestoreOldImage) = "disk.restore_old_image", stays;
    }
    /// What happens to the network.
    Net = "net" {
        /// No message passes between `a` and `b`.
        NetPartition(Partition) = "net.partition", undoes;
        /// No message passes to or from the node.
        NetIsolate(NodeOnly) = "net.isolate", undoes;
        /// Messages take longer.
        NetDelay(DelayLink) = "net.delay", undoes;
        /// Messages are lost at random; connections send them again.
        NetLoss(LinkOdds) = "net.loss", undoes;
        /// The wire carries messages twice at random: connections only lose time by it, datagrams arrive twice.
        NetDuplicate(LinkOdds) = "net.duplicate", undoes;
        /// Messages are late at random: datagrams are overtaken, on connections what follows waits.
        NetReorder(LinkOdds) = "net.reorder", undoes;
        /// Messages are altered at random: where there is a checksum connections break and datagrams are lost,
        /// else they arrive altered.
        NetCorrupt(LinkOdds) = "net.corrupt", undoes;
        /// The link carries less: messages queue up.
        NetBandwidth(NarrowLink) = "net.bandwidth", undoes;
        /// The connections break; what was on its way is lost.
        NetReset(LinkOnly) = "net.reset", stays;
        /// `to` forgets the connections, `from` believes them alive: what it sends vanishes. Undoing it tells
        /// `from`.
        NetHalfOpen(LinkOnly) = "net.half_open", undoes;
        /// Messages are held back; undoing it releases them all at once.
        NetHold(LinkOnly) = "net.hold", undoes;
        /// The next messages of a kind are dropped; their connection goes on without them.
        NetDropNext(NextMessages) = "net.drop_next", undoes;
        /// The next messages of a kind are late, and with them what follows on their connection.
        NetDelayNext(DelayNextMessages) = "net.delay_next", undoes;
        /// The next messages of a kind arrive twice.
        NetDuplicateNext(NextMessages) = "net.duplicate_next", undoes;
        /// Nothing passes the interface; others of its node serve on.
        NetInterfaceDown(InterfaceOnly) = "net.interface_down", undoes;
    }
    /// What happens to nodes.
    Node = "node" {
        /// The node loses power and boots again.
        NodeReboot(Reboot) = "node.reboot", stays;
        /// The node loses power.
        NodePowerOff(NodeOnly) = "node.power_off", undoes;
        /// The node gets its power back and boots.
        NodePowerOn(NodeOnly) = "node.power_on", stays;
        /// Nothing runs on the node; messages to it queue up.
        NodePause(NodeOnly) = "node.pause", undoes;
        /// The node runs on where it was paused.
        NodeResume(NodeOnly) = "node.resume", stays;
        /// The node's program dies and is started again; the machine keeps its power, its disks what they
        /// hold in their caches.
        NodeCrash(Reboot) = "node.crash", stays;
        /// The target, or one of several managers, goes down and boots with blank disks in the place of its own.
        NodeWipe(Wipe) = "node.wipe", stays;
        /// All timers that the node's program waits for fire now, before their time.
        NodeFireTimers(NodeOnly) = "node.fire_timers", stays;
        /// The node's wall clock is set forward, or back.
        NodeClockJump(ClockJump) = "node.clock_jump", stays;
        /// The node's clocks run fast from then on, or slow; undoing it lets them run true.
        NodeClockDrift(ClockDrift) = "node.clock_drift", undoes;
    }
    /// What happens to nodes' memory.
    Memory = "memory" {
        /// The node may hold only so much memory; undoing it gives it back all that it had.
        MemoryLimit(LimitMemory) = "memory.limit", undoes;
        /// The node's next requests for memory fail.
        MemoryFailNext(FailNextMemory) = "memory.fail_next", stays;
    }
    /// What happens to applications.
    App = "app" {
        /// The client's applications issue no operation; those under way go on.
        AppPause(ClientOnly) = "app.pause", undoes;
        /// The client's applications go on where they were paused.
        AppResume(ClientOnly) = "app.resume", stays;
        /// The client's process dies with IO in flight, and stays down. Its volumes may be attached
        /// elsewhere; undoing it starts the process again.
        AppKill(ClientOnly) = "app.kill", undoes;
        /// The client attaches a volume that no living client has; the volume's applications go on there.
        AppAttach(ClientVolume) = "app.attach", stays;
        /// The volume's applications stop, and the client gives the volume back once nothing is under way.
        AppDetach(ClientVolume) = "app.detach", stays;
    }
    /// What the manager does wrong.
    Manager = "manager" {
        /// The manager says something that is not so: of an attachment that nobody has, an epoch that is over.
        ManagerInjectFalseMessage(InjectFalseMessage) = "manager.inject_false_message", stays;
        /// The manager overlooks the next messages of a kind: they were delivered, and are never acted on.
        ManagerIgnoreNextClientMessage(IgnoreNextClientMessage)
            = "manager.ignore_next_client_message", undoes;
        /// The manager keeps back what it has to say, but for answers to heartbeats; undoing it says all of it at once.
        ManagerHoldAcks(HoldAcks) = "manager.hold_acks", undoes;
        /// The manager dies and is up again in two milliseconds; or forgets nothing and loses its connections.
        ManagerForceReboot(ForceReboot) = "manager.force_reboot", stays;
    }
    /// What happens to the manager's database.
    Database = "database" {
        /// The service of the configuration's database dies where it stands; its disk keeps what it has.
        DatabaseDown(DatabaseOnly) = "database.down", undoes;
        /// The service starts again.
        DatabaseUp(DatabaseOnly) = "database.up", stays;
        /// The database's disk takes `factor` times as long.
        DatabaseSlow(SlowDatabase) = "database.slow", undoes;
        /// The next commits of the database fail, before or after they are done.
        DatabaseFailCommit(FailCommit) = "database.fail_commit", undoes;
        /// The database holds again what it held some time ago. It waits until the manager is down.
        DatabaseRestoreOldSnapshot(RestoreOldSnapshot) = "database.restore_old_snapshot", stays;
    }
    /// Calls of the controller's API, as an administrator makes them.
    Api = "api" {
        /// Makes a node known.
        ApiCreateNode(NewNode) = "api.create_node", stays;
        /// Gives a node another type.
        ApiModifyNode(ChangedNode) = "api.modify_node", stays;
        /// Forgets a node.
        ApiDeleteNode(Named) = "api.delete_node", stays;
        /// Makes storage of a node known.
        ApiCreateStoragePool(NewStoragePool) = "api.create_storage_pool", stays;
        /// Forgets a storage pool.
        ApiDeleteStoragePool(PoolNamed) = "api.delete_storage_pool", stays;
        /// Defines a resource; nothing is stored anywhere yet.
        ApiCreateResourceDefinition(NewResourceDefinition) = "api.create_resource_definition", stays;
        /// Does away with a resource wherever it is, and with its definition.
        ApiDeleteResourceDefinition(Named) = "api.delete_resource_definition", stays;
        /// Defines a volume of a resource.
        ApiCreateVolumeDefinition(NewVolumeDefinition) = "api.create_volume_definition", stays;
        /// Gives a volume another size, before its resource is anywhere.
        ApiModifyVolumeDefinition(ChangedVolumeDefinition) = "api.modify_volume_definition", stays;
        /// Does away with the definition of a volume.
        ApiDeleteVolumeDefinition(VolumeNumbered) = "api.delete_volume_definition", stays;
        /// Makes a resource on a node, or on as many as are asked for.
        ApiCreateResource(NewResource) = "api.create_resource", stays;
        /// Does away with a resource on a node.
        ApiDeleteResource(ResourceOn) = "api.delete_resource", stays;
        /// Asks which nodes there are.
        ApiListNodes(Listing) = "api.list_nodes", stays;
        /// Asks which storage pools there are.
        ApiListStoragePools(Listing) = "api.list_storage_pools", stays;
        /// Asks which resource definitions there are.
        ApiListResourceDefinitions(Listing) = "api.list_resource_definitions", stays;
        /// Asks which resources there are.
        ApiListResources(Listing) = "api.list_resources", stays;
        /// Asks which volumes there are.
        ApiListVolumes(Listing) = "api.list_volumes", stays;
    }
    /// What happens to the external programs of satellites, and to the device files that they wait for.
    External = "external" {
        /// Programs stand still, until they are told to end.
        ExternalHang(ProgramsOnly) = "external.hang", undoes;
        /// Programs stand still, and do not end before they are killed.
        ExternalIgnoreTerm(ProgramsOnly) = "external.ignore_term", undoes;
        /// Programs stand still in the kernel: not even SIGKILL ends them.
        ExternalUnkillable(ProgramsOnly) = "external.unkillable", undoes;
        /// Programs write far more than they have to say.
        ExternalFlood(Flood) = "external.flood", undoes;
        /// What programs write is garbage.
        ExternalGarble(ProgramsOnly) = "external.garble", undoes;
        /// Programs do nothing, and fail.
        ExternalExit(ExitWith) = "external.exit", undoes;
        /// Programs take `factor` times as long.
        ExternalSlow(SlowPrograms) = "external.slow", undoes;
        /// Device files of volumes do not appear; undoing it lets them.
        ExternalDeviceNeverAppears(DevicesOnly) = "external.device_never_appears", undoes;
        /// Device files of volumes vanish, and do not come back; after undoing it they do when somebody sees to it.
        ExternalDeviceDisappears(DevicesOnly) = "external.device_disappears", undoes;
        /// Whoever opens a device file waits.
        ExternalOpenBlocks(DevicesOnly) = "external.open_blocks", undoes;
    }
    /// What happens to single CPUs.
    Cpu = "cpu" {
        /// What runs on the CPU stands still, with its timers and completions; its node goes on.
        CpuStop(CpuOnly) = "cpu.stop", undoes;
        /// The CPU runs on where it was stopped.
        CpuResume(CpuOnly) = "cpu.resume", stays;
        /// Tasks on the CPU take `factor` times as long.
        CpuSlow(SlowCpu) = "cpu.slow", undoes;
    }
    /// What happens to managers' connectors.
    Connector = "connector" {
        /// The connector stops: who is connected by it is cut off, and nobody else can connect.
        ConnectorStop(ConnectorOnly) = "connector.stop", undoes;
        /// The connector starts again.
        ConnectorStart(ConnectorOnly) = "connector.start", stays;
        /// The interface that the connector listens on gets another address: connections by the old one break, and it listens
        /// anew.
        ConnectorRenumber(ConnectorOnly) = "connector.renumber", stays;
        /// Another machine uses the address that the connector listens at: it is of no use meanwhile.
        ConnectorAddressConflict(ConnectorOnly) = "connector.address_conflict", undoes;
        /// Another program has the connector's ports, or takes them when the connector does not listen for a moment.
        ConnectorPortInUse(ConnectorOnly) = "connector.port_in_use", undoes;
    }
}

struct AnyAction;

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("Action", Self::NAMES, AnyAction)
    }
}

#[cfg(test)]
mod tests {
    use super::Action;

    #[test]
    fn an_action_is_named_after_its_family() {
        let script = r#"[
            { "disk.plug": { "disk": "any:disk" } },
            { "net.isolate": { "node": "t0" } },
            { "node.pause": { "node": "t0" } }
        ]"#;
        let actions: Vec<Action> = serde_json::from_str(script).expect("they are actions");
        for action in actions {
            let prefix = format!("{}.", action.family().name());
            assert!(action.name().starts_with(&prefix), "{} is no {prefix}", action.name());
        }
    }
}
