//! Real bugs of real stores, planted here to prove that the tester finds them. See `docs/mutants.md` for where each was seen.
//!
//! The feature `plants` compiles them in, and a node then carries at most one, by name, from its settings. Without
//! the feature there is no way to ask for one, and the compiler drops the branches.

/// A bug that a node can be told to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A write is acknowledged as soon as it is sent, before W replicas hold it (Q1's twin on the write path).
    ReplyBeforeAcks,
    /// A read with blocking repair is answered when the repairs are sent, and not once enough replicas hold what is
    /// returned (Q1).
    ReplyBeforeReadRepair,
    /// A read answers with the value that it has although a digest says that another replica has more (Q1, where
    /// digests are asked for).
    DigestMismatchIgnored,
    /// A replica that holds a tombstone answers that it has nothing when it is asked for a digest (Q10).
    DigestOmitsTombstones,
    /// One replica that has nothing answers a read for all, whatever the client asked for (Q21).
    FirstAbsenceWins,
    /// Read repair takes the older of two answers for the winner, and the replica believes it (Q4).
    RepairWritesOlder,
    /// A strict quorum counts nodes that stand in for owners (Q14).
    StrictCountsStandIns,
    /// A write that too few replicas acknowledged in time is called failed, although some may hold it (Q13).
    UnknownCalledFailure,
    /// A two-phase write is stamped by its coordinator's clock, which has not heard of the versions that were told
    /// (V1, V18).
    ToldVersionsIgnored,
    /// Of two writes stamped with the same time, a replica keeps the one that arrived last (V2).
    TieWonByLast,
    /// A replica that finds nothing of its own under a key goes on as whom it was there before, and gives dots that it
    /// has given (V3, V4).
    ActorReused,
    /// A write that another node applies gets there without its client's context, and overwrites nothing (V6).
    ForwardedWithoutContext,
    /// A write to siblings overwrites all that its origin holds, read by its client or not (derived from V3: a context
    /// that claims dots which nobody had seen).
    ContextCoversUnread,
    /// Merging two copies of a set keeps an element that either has removed (V12).
    RemovedElementKept,
    /// An update whose origin was lost before it answered is applied by another, and so twice (V14, Q22).
    LostUpdateReapplied,
    /// A hint is counted as stored and never kept (H2, H11: failures after which no hint is written).
    HintDropped,
    /// A hint is not kept where there is one of its key for the same owner, although that one is older (H15: a write
    /// during hand-off is lost).
    SecondHintDropped,
    /// A node that starts throws its hints away (H6: hints are lost to a kill).
    HintsForgottenAtStart,
    /// A tombstone is collected though some member can't be asked, and though hints of its key are kept (H8, A5).
    TombstoneCollectedEarly,
    /// Anti-entropy compares no tombstones, and so brings no deletion to who missed it (A2).
    ExchangeOmitsTombstones,
    /// A write is acknowledged before it is synced (N10).
    AckBeforeSync,
    /// While owners change, writes and reads need a quorum of one side alone: of the old, and then of the new (T11, Q8).
    QuorumsNotJoint,
    /// A replica serves a request that goes by an earlier record of its partition (T1, T2: coordinators with different
    /// rings; Q18: a fence that is down before the write has ended).
    StaleEpochServed,
    /// A newcomer copies from one owner, whoever lags (T9).
    CopiesFromOne,
    /// A newcomer is an owner without having copied anything (T4, T13, X12).
    JoinsEmpty,
    /// An owner that is left out drops what it has before others have been seen to have it (T6).
    DroppedBeforeProof,
    /// A member can be removed while it is alive (T14).
    RemovesTheLiving,
    /// What a read by agreement returns, or a comparison that fails, is not confirmed by a quorum (A12).
    SerialReadUnconfirmed,
    /// A change by agreement that was outbid is made again, although the first may count (Q22).
    CasRetriedBlindly,
    /// An acceptor takes whatever is proposed, promises or not (A14).
    PromiseBroken,
    /// A newcomer copies nothing of what owners agreed upon (T12).
    CasStateNotMoved,
    /// EACH_QUORUM asks for a quorum of all owners, and not for one in each data center (Q7).
    EachQuorumCountsAny,
    /// The context of siblings forgets all actors but one, whatever it is told to keep (V8).
    ContextsCutShort,
    /// Merging two copies of a counter adds up an actor's share where one is later than the other (V14: compaction counts
    /// twice).
    CounterMergeAdds,
    /// An update that comes a second time on a link is applied a second time (N1).
    RepeatsApplied,
    /// An update whose origin was lost before it answered is called failed, although it may be applied (N2: a stream that was
    /// reset is taken for one that was never read).
    LostOriginCalledFailure,
    /// A hint is handed to the node that keeps it, which says that it has it, and is dropped (H14).
    HintSentToItself,
    /// Hints that are under way when the link is lost are dropped as if they had arrived (H6).
    HintsLostWithLink,
    /// The window of hints is reckoned in the wrong unit, and they expire within seconds (H1).
    HintsExpireEarly,
    /// No hint is kept of a delete (H17).
    DeletesNotHinted,
    /// A hint takes the place of what its owner holds, be that newer (H9: what is replayed is from before).
    HintOverwritesNewer,
    /// While owners change, a newcomer is counted for a write that is not sent to it (T3, T18).
    NewcomerSentNoWrites,
    /// A damaged record is taken for one that was never there, and is not mended (A10).
    DamageTakenForAbsence,
    /// What a sync that failed did not write is acknowledged (A9: errors of a log are ignored).
    FailedSyncAcknowledged,
    /// Anti-entropy calls itself done after the first partition that differs (A5, A7: a repair that failed in part).
    ExchangeStopsEarly,
    /// A ballot is a number of milliseconds, and no node's own: two proposers can have the same (A15).
    BallotsClash,
    /// An acceptor that has something of the key on its way to the disk says that it has accepted a proposal, and keeps nothing
    /// (T20).
    AcceptLost,
    /// A proposer takes up what the first promise tells of, and not the latest of all (A12: S#6299).
    FirstPromiseBelieved,
    /// A node that was put back to an old copy of its disk goes on as a start that others know to be over, and is heard by
    /// nobody (G15: the incarnation is not what others know).
    LaterStartsIgnored,
    /// A node takes no news of one that it knows from an earlier start: the guard against generations too far ahead compares
    /// with the one that was known (G1).
    RestartsRefused,
    /// A node forgets which start of itself it is, and says that it is the first (G15: the incarnation is not persisted).
    GenerationForgotten,
    /// LOCAL_QUORUM asks for a quorum of all owners, wherever they are (Q6).
    LocalQuorumAsksAll,
    /// A read fails if the repair of one replica does, though others would do (Q12).
    FailedRepairFailsRead,
    /// What anti-entropy brings is held, and the Merkle tree stays as it was: the same partitions differ for ever (A1).
    RepairLeavesTreeOld,
    /// While owners change, a write at ONE is met by one of the old owners, be it the one that leaves (T10).
    OneIgnoresNext,
    /// While owners change, EACH_QUORUM is met by quorums of the old owners, whoever takes their place (Q9).
    EachQuorumIgnoresNext,
    /// A delete is stamped by a clock that is ahead, and shadows what is written until that time has come (V11).
    DeletesStampedAhead,
    /// That a node was removed is forgotten after a while, and an account from before brings it back (G8, G10,
    /// T5: who was away resurrects it).
    RemovedComesBack,
    /// What a node says of itself gets its version before it can be seen, and the digest that others have by then hides it
    /// (G3).
    VersionBeforeFact,
    /// What a node is to the cluster is acted upon before its share of the ring is known, and not again after (G4).
    StandingTakenFirst,
    /// Gossip is taken in without a look at its checksums (G14).
    GossipUnsealed,
    /// A write whose deadline passed before it was sent is called failed, and goes on as soon as it can be stamped: above what
    /// its client has written since (N6).
    GoesOnPastDeadline,
    /// Hints go to one owner at a time, and one whose link was lost meanwhile is waited for: the others get none (N7: a lock
    /// that is held until an answer comes).
    HandoffWaitsForOne,
    /// A request is begun though too few owners can be reached, and waits for them until its time is over (Q5: a timeout where
    /// the client could have been told at once).
    TooFewAsked,
    /// Whoever answers at an address is taken for the node that was met there first, whatever its certificate proves (N4: an
    /// address that another node has by now, and no pin of keys).
    AddressBelieved,
    /// Who was seen as down is so after a restart as well, until a later start of it is heard of; and it is not told (G9).
    VerdictKept,
}

impl Plant {
    /// Every bug, in the order in which they were planted.
    pub const ALL: [Plant; 66] = [
        Plant::ReplyBeforeAcks,
        Plant::ReplyBeforeReadRepair,
        Plant::DigestMismatchIgnored,
        Plant::DigestOmitsTombstones,
        Plant::FirstAbsenceWins,
        Plant::RepairWritesOlder,
        Plant::StrictCountsStandIns,
        Plant::UnknownCalledFailure,
        Plant::ToldVersionsIgnored,
        Plant::TieWonByLast,
        Plant::ActorReused,
        Plant::ForwardedWithoutContext,
        Plant::ContextCoversUnread,
        Plant::RemovedElementKept,
        Plant::LostUpdateReapplied,
        Plant::HintDropped,
        Plant::SecondHintDropped,
        Plant::HintsForgottenAtStart,
        Plant::TombstoneCollectedEarly,
        Plant::ExchangeOmitsTombstones,
        Plant::AckBeforeSync,
        Plant::QuorumsNotJoint,
        Plant::StaleEpochServed,
        Plant::CopiesFromOne,
        Plant::JoinsEmpty,
        Plant::DroppedBeforeProof,
        Plant::RemovesTheLiving,
        Plant::SerialReadUnconfirmed,
        Plant::CasRetriedBlindly,
        Plant::PromiseBroken,
        Plant::CasStateNotMoved,
        Plant::EachQuorumCountsAny,
        Plant::ContextsCutShort,
        Plant::CounterMergeAdds,
        Plant::RepeatsApplied,
        Plant::LostOriginCalledFailure,
        Plant::HintSentToItself,
        Plant::HintsLostWithLink,
        Plant::HintsExpireEarly,
        Plant::DeletesNotHinted,
        Plant::HintOverwritesNewer,
        Plant::NewcomerSentNoWrites,
        Plant::DamageTakenForAbsence,
        Plant::FailedSyncAcknowledged,
        Plant::ExchangeStopsEarly,
        Plant::BallotsClash,
        Plant::AcceptLost,
        Plant::FirstPromiseBelieved,
        Plant::LaterStartsIgnored,
        Plant::RestartsRefused,
        Plant::GenerationForgotten,
        Plant::LocalQuorumAsksAll,
        Plant::FailedRepairFailsRead,
        Plant::RepairLeavesTreeOld,
        Plant::OneIgnoresNext,
        Plant::EachQuorumIgnoresNext,
        Plant::DeletesStampedAhead,
        Plant::RemovedComesBack,
        Plant::VersionBeforeFact,
        Plant::StandingTakenFirst,
        Plant::GossipUnsealed,
        Plant::GoesOnPastDeadline,
        Plant::HandoffWaitsForOne,
        Plant::TooFewAsked,
        Plant::AddressBelieved,
        Plant::VerdictKept,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Plant::ReplyBeforeAcks => "reply-before-acks",
            Plant::ReplyBeforeReadRepair => "reply-before-read-repair",
            Plant::DigestMismatchIgnored => "digest-mismatch-ignored",
            Plant::DigestOmitsTombstones => "digest-omits-tombstones",
            Plant::FirstAbsenceWins => "first-absence-wins",
            Plant::RepairWritesOlder => "repair-writes-older",
            Plant::StrictCountsStandIns => "strict-counts-stand-ins",
            Plant::UnknownCalledFailure => "unknown-called-failure",
            Plant::ToldVersionsIgnored => "told-versions-ignored",
            Plant::TieWonByLast => "tie-won-by-last",
            Plant::ActorReused => "actor-reused",
            Plant::ForwardedWithoutContext => "forwarded-without-context",
            Plant::ContextCoversUnread => "context-covers-unread",
            Plant::RemovedElementKept => "removed-element-kept",
            Plant::LostUpdateReapplied => "lost-update-reapplied",
            Plant::HintDropped => "hint-dropped",
            Plant::SecondHintDropped => "second-hint-dropped",
            Plant::HintsForgottenAtStart => "hints-forgotten-at-start",
            Plant::TombstoneCollectedEarly => "tombstone-collected-early",
            Plant::ExchangeOmitsTombstones => "exchange-omits-tombstones",
            Plant::AckBeforeSync => "ack-before-sync",
            Plant::QuorumsNotJoint => "quorums-not-joint",
            Plant::StaleEpochServed => "stale-epoch-served",
            Plant::CopiesFromOne => "copies-from-one",
            Plant::JoinsEmpty => "joins-empty",
            Plant::DroppedBeforeProof => "dropped-before-proof",
            Plant::RemovesTheLiving => "removes-the-living",
            Plant::SerialReadUnconfirmed => "serial-read-unconfirmed",
            Plant::CasRetriedBlindly => "cas-retried-blindly",
            Plant::PromiseBroken => "promise-broken",
            Plant::CasStateNotMoved => "cas-state-not-moved",
            Plant::EachQuorumCountsAny => "each-quorum-counts-any",
            Plant::ContextsCutShort => "contexts-cut-short",
            Plant::CounterMergeAdds => "counter-merge-adds",
            Plant::RepeatsApplied => "repeats-applied",
            Plant::LostOriginCalledFailure => "lost-origin-called-failure",
            Plant::HintSentToItself => "hint-sent-to-itself",
            Plant::HintsLostWithLink => "hints-lost-with-link",
            Plant::HintsExpireEarly => "hints-expire-early",
            Plant::DeletesNotHinted => "deletes-not-hinted",
            Plant::HintOverwritesNewer => "hint-overwrites-newer",
            Plant::NewcomerSentNoWrites => "newcomer-sent-no-writes",
            Plant::DamageTakenForAbsence => "damage-taken-for-absence",
            Plant::FailedSyncAcknowledged => "failed-sync-acknowledged",
            Plant::ExchangeStopsEarly => "exchange-stops-early",
            Plant::BallotsClash => "ballots-clash",
            Plant::AcceptLost => "accept-lost",
            Plant::FirstPromiseBelieved => "first-promise-believed",
            Plant::LaterStartsIgnored => "later-starts-ignored",
            Plant::RestartsRefused => "restarts-refused",
            Plant::GenerationForgotten => "generation-forgotten",
            Plant::LocalQuorumAsksAll => "local-quorum-asks-all",
            Plant::FailedRepairFailsRead => "failed-repair-fails-read",
            Plant::RepairLeavesTreeOld => "repair-leaves-tree-old",
            Plant::OneIgnoresNext => "one-ignores-next",
            Plant::EachQuorumIgnoresNext => "each-quorum-ignores-next",
            Plant::DeletesStampedAhead => "deletes-stamped-ahead",
            Plant::RemovedComesBack => "removed-comes-back",
            Plant::VersionBeforeFact => "version-before-fact",
            Plant::StandingTakenFirst => "standing-taken-first",
            Plant::GossipUnsealed => "gossip-unsealed",
            Plant::GoesOnPastDeadline => "goes-on-past-deadline",
            Plant::HandoffWaitsForOne => "handoff-waits-for-one",
            Plant::TooFewAsked => "too-few-asked",
            Plant::AddressBelieved => "address-believed",
            Plant::VerdictKept => "verdict-kept",
        }
    }

    /// What it does, in a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Plant::ReplyBeforeAcks => "a write is acknowledged before W replicas hold it",
            Plant::ReplyBeforeReadRepair => "a read is answered before R replicas hold what it returns",
            Plant::DigestMismatchIgnored => "a read takes no notice of digests that differ from its value",
            Plant::DigestOmitsTombstones => "the digest of a tombstone is that of nothing",
            Plant::FirstAbsenceWins => "one replica that has nothing answers a read for all",
            Plant::RepairWritesOlder => "read repair overwrites the newer version with the older one",
            Plant::StrictCountsStandIns => "a strict quorum counts nodes that stand in for owners",
            Plant::UnknownCalledFailure => "a write that too few replicas acknowledged is called failed",
            Plant::ToldVersionsIgnored => "a two-phase write is stamped by a clock, not above what it was told",
            Plant::TieWonByLast => "of two writes of the same time the one that arrives last is kept",
            Plant::ActorReused => "a replica that lost a key writes it under dots that it gave before",
            Plant::ForwardedWithoutContext => "a write that another node applies loses its client's context",
            Plant::ContextCoversUnread => "a write overwrites siblings that its client had not read",
            Plant::RemovedElementKept => "merging copies of a set keeps what either has removed",
            Plant::LostUpdateReapplied => "an update without an answer is applied by another node as well",
            Plant::HintDropped => "a hint for an unreachable replica is counted and thrown away",
            Plant::SecondHintDropped => "a hint is thrown away where one of its key is kept already",
            Plant::HintsForgottenAtStart => "a node that starts throws its hints away",
            Plant::TombstoneCollectedEarly => "a tombstone goes while a node is away or keeps a hint of its key",
            Plant::ExchangeOmitsTombstones => "anti-entropy leaves tombstones out of what it compares",
            Plant::AckBeforeSync => "a replica acknowledges a write before it is synced",
            Plant::QuorumsNotJoint => "while owners change, quorums of the old and of the new are not joint",
            Plant::StaleEpochServed => "a replica serves requests that go by an earlier record of its partition",
            Plant::CopiesFromOne => "a new owner copies from one of the old ones, whoever lags",
            Plant::JoinsEmpty => "a new owner is one without having copied anything",
            Plant::DroppedBeforeProof => "an owner that is left out drops what it has before others have it",
            Plant::RemovesTheLiving => "a member can be removed while it is alive",
            Plant::SerialReadUnconfirmed => "what a read by agreement returns is not confirmed by a quorum",
            Plant::CasRetriedBlindly => "a change by agreement that was outbid is made a second time",
            Plant::PromiseBroken => "an owner accepts what it has promised not to accept",
            Plant::CasStateNotMoved => "a new owner copies nothing of what the old ones agreed upon",
            Plant::EachQuorumCountsAny => "EACH_QUORUM is met by a quorum of all owners, wherever they are",
            Plant::ContextsCutShort => "the context of siblings keeps one actor, whatever it was told",
            Plant::CounterMergeAdds => "merging copies of a counter adds what both know",
            Plant::RepeatsApplied => "an update that comes twice on one link is applied twice",
            Plant::LostOriginCalledFailure => "an update whose link was lost before its answer is called failed",
            Plant::HintSentToItself => "a hint is delivered to the node that keeps it, and dropped",
            Plant::HintsLostWithLink => "hints under way on a link that is lost are dropped",
            Plant::HintsExpireEarly => "hints expire after a ten-thousandth of their window",
            Plant::DeletesNotHinted => "no hint is kept of a delete",
            Plant::HintOverwritesNewer => "a hint overwrites what its owner holds, newer or not",
            Plant::NewcomerSentNoWrites => "while owners change, who is next is counted for writes and sent none",
            Plant::DamageTakenForAbsence => "a damaged record is taken for none, and not mended",
            Plant::FailedSyncAcknowledged => "what a failed sync lost is acknowledged",
            Plant::ExchangeStopsEarly => "anti-entropy mends one partition of those that differ, and calls it done",
            Plant::BallotsClash => "two proposers can have one ballot",
            Plant::AcceptLost => "an acceptor that is busy says that it has accepted, and keeps nothing",
            Plant::FirstPromiseBelieved => "of what promises tell the first is taken up, and not the latest",
            Plant::LaterStartsIgnored => {
                "a node on an old copy of its disk goes on as a start that others know to be over"
            }
            Plant::RestartsRefused => "no news is taken of a node that was started again",
            Plant::GenerationForgotten => "a node that is started again says that it is the first start",
            Plant::LocalQuorumAsksAll => "LOCAL_QUORUM takes a quorum of all owners, wherever they are",
            Plant::FailedRepairFailsRead => "a read fails with the repair of one replica, though others would do",
            Plant::RepairLeavesTreeOld => "what anti-entropy brings is not taken into the tree that it compares",
            Plant::OneIgnoresNext => "while owners change, a write at ONE is met by one of the old owners",
            Plant::EachQuorumIgnoresNext => "while owners change, EACH_QUORUM is met by quorums of the old owners",
            Plant::DeletesStampedAhead => "a delete is stamped with a time that is still to come",
            Plant::RemovedComesBack => {
                "who was removed is forgotten after a while, and taken in again when somebody tells of it"
            }
            Plant::VersionBeforeFact => {
                "what a node says gets its version, and a later one is told, before it can be seen"
            }
            Plant::StandingTakenFirst => {
                "what a node is to the cluster is acted upon before the rest of its account is known"
            }
            Plant::GossipUnsealed => "gossip is taken in without a look at its checksums",
            Plant::GoesOnPastDeadline => {
                "a write whose deadline passed before it was sent is called failed, and sent later"
            }
            Plant::HandoffWaitsForOne => "hints go to one owner at a time, and who never answers is waited for",
            Plant::TooFewAsked => "a request that too few owners are there for is begun, and waits out its time",
            Plant::AddressBelieved => "who answers at an address is taken for the node that was met there first",
            Plant::VerdictKept => {
                "who was seen as down stays so after a restart, until a later start of it is heard of"
            }
        }
    }

    /// The bug of that name.
    pub fn from_name(name: &str) -> Option<Plant> {
        Plant::ALL.into_iter().find(|plant| plant.name() == name)
    }
}
