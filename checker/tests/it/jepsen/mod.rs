//! Jepsen's own checks from outside: litmus histories, naive definitions on random histories, anomalies planted in
//! large ones, and public histories with known verdicts.

mod corpora;
mod differential;
mod injection;
mod litmus;
mod naive;
mod random;
mod runner;
