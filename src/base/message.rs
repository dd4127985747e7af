//! The kinds of messages that the nodes of the cluster send each other, by the names that a trace shows and a
//! scenario uses. Knows nothing of what they carry.

crate::word_enum! {
    /// A kind of message.
    pub enum MessageKind {
        /// Client to target: write blocks.
        Write = "write",
        /// Client to target: read blocks.
        Read = "read",
        /// Client to target: mark blocks unreadable.
        Poison = "poison",
        /// Client to target: make what was done durable.
        Flush = "flush",
        /// Client to target: which regions are marked?
        ReadIntent = "read-intent",
        /// Client to target: the mark of a region may go.
        ClearIntent = "clear-intent",
        /// Client to target: can the leg be reached?
        Probe = "probe",
        /// Target to client: how a request went, and what a read found.
        Done = "done",
        /// Target to client: the marked regions.
        Intent = "intent",
        /// Target to manager: its legs.
        TargetHello = "target-hello",
        /// Manager to target: serve a leg under an epoch.
        Register = "register",
        /// Target to manager: the answer to that.
        Registered = "registered",
        /// Client to manager: make me the owner.
        Attach = "attach",
        /// Client to manager: I am done with a volume.
        Detach = "detach",
        /// Manager to client: you are not the owner.
        Detached = "detached",
        /// Manager to client: how a volume stands.
        Grant = "grant",
        /// Manager to target: see to a volume that nobody has.
        CareFor = "care-for",
        /// Owner to manager: a leg has failed.
        LegFailed = "leg-failed",
        /// Owner to manager: a dead leg is back.
        LegBack = "leg-back",
        /// Owner to manager: a leg is rebuilt.
        Rebuilt = "rebuilt",
        /// A heartbeat.
        Ping = "ping",
        /// The answer to a heartbeat.
        Pong = "pong",
        /// Administrator to controller: do this.
        ApiCall = "api-call",
        /// Controller to administrator: what a call came to.
        ApiReply = "api-reply",
        /// Controller to database: what do you hold, or hold this.
        DatabaseQuery = "database-query",
        /// Database to controller: the answer to that.
        DatabaseAnswer = "database-answer",
        /// Controller to satellite: all that it is to have.
        Sync = "sync",
        /// Satellite to controller: it has that.
        Synced = "synced",
        /// Satellite to controller: who it is.
        SatelliteHello = "satellite-hello",
        /// Satellite to controller: it does not take what it is to have.
        SyncRefused = "sync-refused",
        /// Satellite to controller: how its resources stand.
        Deployed = "deployed",
        /// Manager to manager: of elections, and of what is to be agreed on.
        Agree = "agree",
        /// Manager to manager: it has lost its disk, and asks for what was on it.
        Forgot = "forgot",
        /// Manager to one that has lost its disk: what it knows.
        Remembers = "remembers",
        /// Leader to manager: do you follow me?
        LeadBeat = "lead-beat",
        /// Manager to leader: it does.
        LeadAck = "lead-ack",
        /// Controller to satellite: which one it is.
        ControllerHello = "controller-hello",
    }
}
