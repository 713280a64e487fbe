//! The versions that a store reports of the values of a register, as the order in which they were written.
//!
//! They say more than real time can, and what is concluded from them is worth as much as they are, so that they are asked first what
//! [`version_order`](crate::checks::version_order) asks of single operations: that each value has one version and each version is of one
//! value; that no write which had ended before another began has the greater version; and that nobody writes under a lesser version
//! than that of what the same session had read or written before. Of a key where that is not so they are not relied on.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    registers::{Precedence, Registers, Touch},
    txns::NONE,
};
use crate::datum::Datum;

/// A value of a key whose version is known: its place among the values of the key.
#[derive(Clone, Copy)]
struct Stamped<'t> {
    version: &'t Datum,
    place: u32,
}

/// Returns which version precedes which, key by key, and why those of some are not relied on.
pub(super) fn order(registers: &Registers<'_>) -> (Vec<Precedence>, Vec<String>) {
    let (mut pairs, mut doubts) = (Vec::new(), Vec::new());
    let txns = registers.txns();
    if txns.versions.is_empty() {
        doubts.push("no version of any value was reported".to_owned());
    }
    let mut of_elements: BTreeMap<u32, Vec<&Datum>> = BTreeMap::new();
    for (element, version) in &txns.versions {
        let known = of_elements.entry(*element).or_default();
        if !known.contains(&version) {
            known.push(version);
        }
    }
    let touches = registers.touches_by_session();
    for of_key in touches.chunk_by(|a, b| a.key == b.key) {
        let key = Reported::new(registers, &of_elements, of_key);
        match key.doubt() {
            Some(why) => doubts.push(format!(
                "the versions that were reported of {} are not relied on: {why}",
                txns.key_name(of_key[0].key)
            )),
            None => pairs.extend(
                key.line
                    .windows(2)
                    .map(|two| (of_key[0].key, two[0].place, two[1].place)),
            ),
        }
    }
    (pairs, doubts)
}

/// What was reported of one key.
struct Reported<'r, 't> {
    registers: &'r Registers<'t>,
    /// In order of session, and of time within it.
    touches: &'r [Touch],
    /// In order of their versions.
    line: Vec<Stamped<'r>>,
    /// By place, its version.
    versions: BTreeMap<u32, &'r Datum>,
    /// A value that has two.
    twice: Option<u32>,
}

impl<'r, 't> Reported<'r, 't> {
    fn new(registers: &'r Registers<'t>, of_elements: &BTreeMap<u32, Vec<&'r Datum>>, touches: &'r [Touch]) -> Self {
        let versions = registers.keys()[touches[0].key as usize].versions();
        let (mut line, mut twice) = (Vec::new(), None);
        for (place, version) in (0..).zip(versions).filter(|(_, version)| version.writer != NONE) {
            match of_elements.get(&version.element).map(Vec::as_slice) {
                None => {}
                Some([version]) => line.push(Stamped { version, place }),
                Some(_) => twice = Some(version.element),
            }
        }
        line.sort_by_key(|stamped| (stamped.version, stamped.place));
        let versions = line.iter().map(|stamped| (stamped.place, stamped.version)).collect();
        Self {
            registers,
            touches,
            line,
            versions,
            twice,
        }
    }

    /// Returns why they are not the order in which clients wrote, if they can't be.
    fn doubt(&self) -> Option<String> {
        let txns = self.registers.txns();
        if let Some(element) = self.twice {
            return Some(format!("{} has two of them", txns.value(element)));
        }
        let is_same = |two: &&[Stamped<'_>]| two[0].version == two[1].version;
        if let Some(two) = self.line.windows(2).find(is_same) {
            return Some(format!(
                "{} has that of {}",
                self.value(two[1].place),
                self.value(two[0].place)
            ));
        }
        self.against_real_time().or_else(|| self.against_sessions())
    }

    /// A write that had ended before another began, and has the greater version.
    fn against_real_time(&self) -> Option<String> {
        let txns = self.registers.txns();
        let mut ended: Option<Stamped<'_>> = None;
        for stamped in self.line.iter().rev() {
            if let Some(later) =
                ended.filter(|later| txns.txn(self.writer(*later)).end < txns.txn(self.writer(*stamped)).start)
            {
                let [first, then] = [later, *stamped].map(|it| self.tell(it));
                return Some(format!("{first} had ended before {then} began"));
            }
            let end = |it: Stamped<'_>| txns.txn(self.writer(it)).end;
            if ended.is_none_or(|known| end(*stamped) < end(known)) {
                ended = Some(*stamped);
            }
        }
        None
    }

    /// A write under a lesser version than that of what the session had met.
    fn against_sessions(&self) -> Option<String> {
        let txns = self.registers.txns();
        let stamped = |place: u32| {
            let version = self.versions.get(&place)?;
            Some(Stamped { version, place })
        };
        for of_session in self
            .touches
            .chunk_by(|a, b| txns.txn(a.txn).session == txns.txn(b.txn).session)
        {
            let mut met: Option<Stamped<'_>> = None;
            for touch in of_session {
                let mut meet = |it: Option<Stamped<'r>>| {
                    met = match (met, it) {
                        (Some(known), Some(it)) if known.version > it.version => Some(known),
                        (known, it) => it.or(known),
                    };
                };
                meet(stamped(touch.first));
                let before = met;
                if touch.first != touch.last || self.is_written(touch) {
                    let own = stamped(touch.last);
                    if let (Some(own), Some(before)) = (own, before.filter(|it| it.place != touch.last))
                        && own.version < before.version
                    {
                        let (own, before) = (self.tell(own), self.tell(before));
                        return Some(format!("{own} came after the session had met {before}"));
                    }
                    met = own.or(met);
                }
            }
        }
        None
    }

    fn is_written(&self, touch: &Touch) -> bool {
        self.registers.keys()[touch.key as usize].versions()[touch.last as usize].writer == touch.txn
    }

    fn writer(&self, stamped: Stamped<'_>) -> u32 {
        self.registers.keys()[self.touches[0].key as usize].versions()[stamped.place as usize].writer
    }

    fn value(&self, place: u32) -> Cow<'_, Datum> {
        let element = self.registers.keys()[self.touches[0].key as usize].versions()[place as usize].element;
        self.registers.txns().value(element)
    }

    fn tell(&self, stamped: Stamped<'_>) -> String {
        let txn = self.registers.txns().name(self.writer(stamped));
        format!(
            "{txn}'s write of {} (version {})",
            self.value(stamped.place),
            stamped.version
        )
    }
}
