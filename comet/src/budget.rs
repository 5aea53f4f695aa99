//! The byte budget of the process, and its accounts.
//!
//! Everything that waits for a peer holds a [`Charge`] for the bytes it keeps: bodies, entries of
//! windows and queues, room logs, bytes on their way to sockets. A shard has an [`Account`], which
//! takes leases from the process-wide [`Budget`], so that charging touches nothing shared. All
//! leases together never exceed the budget: data that cannot be charged is not kept.
//!
//! Not here: the choice of data to give up under memory pressure (`shard::pressure`).

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that a shard leases at once; it holds at most twice as many unused.
const LEASE: usize = 64 * 1024;

/// This fraction of the budget is reserved for notices of gaps, and as much before it for a little
/// output of each connection: a peer that reads is not cut off for lack of a few bytes.
const RESERVE: usize = 64;

/// This fraction of the budget may be held outside the shards.
const OUTSIDE: usize = 8;

/// Part of the budget that a charge may use.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// All but both reserves.
    Ordinary,
    /// All but the reserve for gaps.
    Output,
    /// All of it.
    Gap,
}

/// The budget of a gateway, shared by its shards.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    shards: usize,
    lease: usize,
    leased: AtomicUsize,
    /// By shard: bytes of its heaviest stalled session, as of the shard's last scan.
    heaviest: Vec<AtomicUsize>,
    /// Bytes leased and held outside the shards.
    reserved: AtomicUsize,
}

/// Memory pressure.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Pressure {
    /// Less than three quarters in use.
    None,
    /// Best effort only for sessions with a short backlog, and publishes are written at once.
    High,
    /// From seven eighths on: rooms drop the backlog of slow readers, and the heaviest sessions
    /// lose the data kept for them, until the pressure is at most high.
    Severe,
    /// From fifteen sixteenths on: no new sessions, unless a stalled one can give way.
    Critical,
}

/// The budget is exhausted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Exhausted;

impl Budget {
    pub(crate) fn new(limit: usize, shards: usize) -> Self {
        // Small budgets must not be exhausted by unused leases.
        let lease = LEASE.min(limit / (shards * 64)).max(1);
        // The load of other shards is unknown before their first scan.
        let heaviest = (0..shards).map(|_| AtomicUsize::new(usize::MAX)).collect();
        let (leased, reserved) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { limit, shards, lease, leased, heaviest, reserved }
    }

    /// Pressure, by the leases of all shards.
    pub(crate) fn pressure(&self) -> Pressure {
        let leased = self.leased.load(Ordering::Relaxed);
        match leased {
            _ if leased >= self.limit / 16 * 15 => Pressure::Critical,
            _ if leased >= self.limit / 8 * 7 => Pressure::Severe,
            _ if leased >= self.limit / 4 * 3 => Pressure::High,
            _ => Pressure::None,
        }
    }

    /// Reserves bytes outside the shards, unless memory would then be short.
    pub(crate) fn reserve(&self, bytes: usize) -> bool {
        let share = self.reservable();
        let take = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= share);
        if self.reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            return false;
        }
        let is_there = self.lease(bytes, self.limit / 4 * 3);
        if !is_there {
            self.reserved.fetch_sub(bytes, Ordering::Relaxed);
        }
        is_there
    }

    /// Total bytes that may be reserved.
    pub(crate) fn reservable(&self) -> usize {
        self.limit / OUTSIDE
    }

    /// Releases reserved bytes.
    pub(crate) fn unreserve(&self, bytes: usize) {
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
        self.give_back(bytes);
    }

    /// Bytes reserved outside the shards.
    pub(crate) fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Relaxed)
    }

    fn lease(&self, bytes: usize, limit: usize) -> bool {
        let take = |leased: usize| leased.checked_add(bytes).filter(|sum| *sum <= limit);
        self.leased.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.leased.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One shard's part of the budget.
#[derive(Debug)]
pub(crate) struct Account {
    budget: Arc<Budget>,
    shard: usize,
    used: Cell<usize>,
    leased: Cell<usize>,
}

impl Account {
    pub(crate) fn new(budget: Arc<Budget>, shard: usize) -> Rc<Self> {
        Rc::new(Self { budget, shard, used: Cell::new(0), leased: Cell::new(0) })
    }

    /// An account without a limit.
    #[cfg(test)]
    pub(crate) fn unlimited() -> Rc<Self> {
        Self::new(Arc::new(Budget::new(usize::MAX / 2, 1)), 0)
    }

    /// Bytes charged now.
    pub(crate) fn used(&self) -> usize {
        self.used.get()
    }

    /// Bytes that this shard may use before it has to give something up: its share of the given
    /// sixteenths of the budget.
    pub(crate) fn share(&self, sixteenths: usize) -> usize {
        self.budget.limit / 16 * sixteenths / self.budget.shards
    }

    /// Bytes of the whole budget.
    pub(crate) fn limit(&self) -> usize {
        self.budget.limit
    }

    /// Target of this shard once it has given up its part of the excess: everything in use beyond
    /// three quarters, divided by the shards' use.
    pub(crate) fn goal(&self) -> usize {
        let (used, leased) = (self.used.get(), self.budget.leased.load(Ordering::Relaxed));
        let excess = leased.saturating_sub(self.budget.limit / 4 * 3).min(leased);
        let part = excess as u128 * used as u128 / leased.max(1) as u128;
        used - usize::try_from(part).unwrap_or(used).min(used)
    }

    /// Records the bytes held by this shard's heaviest stalled session.
    pub(crate) fn note_heaviest(&self, bytes: usize) {
        if let Some(heaviest) = self.budget.heaviest.get(self.shard) {
            heaviest.store(bytes, Ordering::Relaxed);
        }
    }

    /// Invalidates the record of another shard, which is asked to scan again.
    pub(crate) fn forget_heaviest(&self, shard: usize) {
        if let Some(heaviest) = self.budget.heaviest.get(shard) {
            heaviest.store(usize::MAX, Ordering::Relaxed);
        }
    }

    /// Bytes of the heaviest stalled session on any other shard; a shard that has not scanned may
    /// have one of any size.
    pub(crate) fn heaviest_elsewhere(&self) -> usize {
        let all = self.budget.heaviest.iter().enumerate();
        let others = all.filter(|&(shard, _)| shard != self.shard);
        others.map(|(_, heaviest)| heaviest.load(Ordering::Relaxed)).max().unwrap_or(0)
    }

    /// Memory pressure over all shards.
    pub(crate) fn pressure(&self) -> Pressure {
        self.budget.pressure()
    }

    /// No more of the reserves is leased than needed.
    fn take(&self, bytes: usize, purpose: Purpose) -> Result<(), Exhausted> {
        let used = self.used.get() + bytes;
        let short = used.saturating_sub(self.leased.get());
        if short > 0 {
            let most = self.budget.limit;
            let ordinary = most - 2 * (most / RESERVE);
            let limit = match purpose {
                Purpose::Ordinary => ordinary,
                Purpose::Output => most - most / RESERVE,
                Purpose::Gap => most,
            };
            let lease = short.max(self.budget.lease);
            let got = if self.budget.lease(lease, ordinary) {
                lease
            } else if self.budget.lease(short, limit) {
                short
            } else {
                return Err(Exhausted);
            };
            self.leased.set(self.leased.get() + got);
        }
        self.used.set(used);
        Ok(())
    }

    fn put(&self, bytes: usize) {
        let used = self.used.get() - bytes;
        self.used.set(used);
        let spare = self.leased.get() - used;
        if spare > 2 * self.budget.lease {
            let back = spare - self.budget.lease;
            self.leased.set(self.leased.get() - back);
            self.budget.give_back(back);
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.note_heaviest(0);
        self.budget.give_back(self.leased.get());
    }
}

/// Charge for kept bytes; released when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    account: Rc<Account>,
    bytes: usize,
}

impl Charge {
    /// An empty charge.
    pub(crate) fn none(account: &Rc<Account>) -> Self {
        Self { account: Rc::clone(account), bytes: 0 }
    }

    /// A charge of `bytes`.
    pub(crate) fn new(account: &Rc<Account>, bytes: usize) -> Result<Self, Exhausted> {
        let mut charge = Self::none(account);
        charge.set(bytes)?;
        Ok(charge)
    }

    /// A charge for the notice of a gap, which may use the reserve.
    pub(crate) fn from_reserve(account: &Rc<Account>, bytes: usize) -> Result<Self, Exhausted> {
        let mut charge = Self::none(account);
        charge.set_from_reserve(bytes)?;
        Ok(charge)
    }

    /// Changes the charge to `bytes`; unchanged if the budget has not enough.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.change(bytes, Purpose::Ordinary)
    }

    /// [`set`](Self::set) for the notice of a gap.
    pub(crate) fn set_from_reserve(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.change(bytes, Purpose::Gap)
    }

    /// [`set`](Self::set) for a little output.
    pub(crate) fn set_for_output(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.change(bytes, Purpose::Output)
    }

    fn change(&mut self, bytes: usize, purpose: Purpose) -> Result<(), Exhausted> {
        if bytes > self.bytes {
            self.account.take(bytes - self.bytes, purpose)?;
        } else {
            self.account.put(self.bytes - bytes);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Bytes charged.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The account that is charged.
    pub(crate) fn account(&self) -> &Rc<Account> {
        &self.account
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.put(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back_to_the_byte() {
        let budget = Arc::new(Budget::new(1 << 20, 2));
        let account = Account::new(Arc::clone(&budget), 0);
        let mut one = Charge::new(&account, 1_000).unwrap();
        let two = Charge::new(&account, 24).unwrap();
        one.set(500).unwrap();
        assert_eq!(account.used(), 524);
        drop((one, two));
        assert_eq!(account.used(), 0);
        drop(account);
        assert_eq!(budget.leased.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn shards_together_never_hold_more_than_the_budget() {
        let budget = Arc::new(Budget::new(6_400, 2));
        let (left, right) =
            (Account::new(Arc::clone(&budget), 0), Account::new(Arc::clone(&budget), 1));
        let _most = Charge::new(&left, 5_000).unwrap();
        assert_eq!(Charge::new(&right, 1_400).unwrap_err(), Exhausted);
        let some = Charge::new(&right, 1_200).unwrap();
        assert_eq!(budget.pressure(), Pressure::Critical);
        assert_eq!(Charge::new(&left, 101).unwrap_err(), Exhausted, "the reserve is kept");
        let gap = Charge::from_reserve(&left, 90).unwrap();
        drop((some, gap));
        assert!(Charge::new(&left, 1_000).is_ok());
    }

    #[test]
    fn a_charge_that_cannot_grow_stays_what_it_was() {
        let account = Account::new(Arc::new(Budget::new(1_000, 1)), 0);
        let mut charge = Charge::new(&account, 600).unwrap();
        assert_eq!(charge.set(1_100), Err(Exhausted));
        assert_eq!(account.used(), 600);
        charge.set(100).unwrap();
        assert_eq!(account.used(), 100);
    }

    #[test]
    fn pressure_rises_with_what_is_leased() {
        let budget = Arc::new(Budget::new(6_400, 1));
        let account = Account::new(Arc::clone(&budget), 0);
        let mut charge = Charge::none(&account);
        let mut at = |bytes| {
            charge.set(bytes).unwrap();
            budget.pressure()
        };
        assert_eq!(at(1_000), Pressure::None);
        assert_eq!(at(4_900), Pressure::High);
        assert_eq!(at(5_700), Pressure::Severe);
        assert_eq!(at(6_100), Pressure::Critical);
        assert_eq!(at(0), Pressure::None);
    }

    #[test]
    fn a_little_output_goes_on_when_nothing_else_does_and_gaps_when_that_is_over() {
        let account = Account::new(Arc::new(Budget::new(6_400, 1)), 0);
        let _most = Charge::new(&account, 6_200).unwrap();
        assert_eq!(Charge::new(&account, 1).unwrap_err(), Exhausted);
        let mut output = Charge::none(&account);
        output.set_for_output(100).unwrap();
        assert_eq!(output.set_for_output(101), Err(Exhausted));
        assert!(Charge::from_reserve(&account, 100).is_ok());
    }

    #[test]
    fn each_shard_gives_up_its_part_of_what_is_too_much_and_no_more() {
        let budget = Arc::new(Budget::new(64_000, 2));
        let (left, right) = (Account::new(Arc::clone(&budget), 0), Account::new(budget, 1));
        let mut most = Charge::new(&left, 45_000).unwrap();
        assert_eq!(left.goal(), 45_000, "there is enough");
        let _some = Charge::new(&right, 15_000).unwrap();
        let (left_goal, right_goal) = (left.goal(), right.goal());
        assert!((35_000..37_000).contains(&left_goal), "{left_goal}");
        assert!((11_500..12_500).contains(&right_goal), "{right_goal}");
        most.set(0).unwrap();
        assert_eq!((left.goal(), right.goal()), (0, 15_000));
    }

    #[test]
    fn the_heaviest_of_all_shards_is_known_to_each_once_they_have_looked() {
        let budget = Arc::new(Budget::new(64_000, 2));
        let (left, right) = (Account::new(Arc::clone(&budget), 0), Account::new(budget, 1));
        left.note_heaviest(10);
        assert_eq!(left.heaviest_elsewhere(), usize::MAX, "the other one has not looked");
        right.note_heaviest(20);
        assert_eq!((left.heaviest_elsewhere(), right.heaviest_elsewhere()), (20, 10));
        left.forget_heaviest(1);
        assert_eq!((left.heaviest_elsewhere(), right.heaviest_elsewhere()), (usize::MAX, 10));
        drop(right);
        assert_eq!(left.heaviest_elsewhere(), 0);
    }
}
