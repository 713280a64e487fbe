//! Flags for the settings that decide what may be claimed, for commands that judge, whether or not they run.

use std::time::Duration;

use quorate_workloads::Workload;
use toml::{Table, Value};

use super::overrides::to_table;
use crate::{duration, exit::ExitError, level::LevelName, scenario::Scenario};

/// What keys hold, and the store's settings.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub(super) struct SettingsArgs {
    /// What keys hold and what clients do: registers, registers that are deleted too, siblings, sets, counters, registers that
    /// owners agree upon (cas); lists that transactions read and append to, registers that transactions read and write.
    #[arg(long, value_parser = Workload::ALL.map(Workload::name))]
    workload: Option<String>,
    /// Of workloads append and txn, how many steps a transaction has at most.
    #[arg(long, value_name = "N")]
    txn_length: Option<u8>,
    /// Replicas of each key (N).
    #[arg(long)]
    n: Option<u8>,
    /// Replicas that answer a read (R).
    #[arg(long)]
    r: Option<u8>,
    /// Replicas that acknowledge a write (W).
    #[arg(long)]
    w: Option<u8>,
    /// How many data centers, each with N replicas of each key.
    #[arg(long)]
    dcs: Option<u8>,
    /// Consistency level of reads in the place of R, as in LOCAL_QUORUM.
    #[arg(long, value_name = "LEVEL")]
    read_level: Option<LevelName>,
    /// Consistency level of writes in the place of W, as in EACH_QUORUM or ANY.
    #[arg(long, value_name = "LEVEL")]
    write_level: Option<LevelName>,
    /// Read through the nodes of this data center alone, counted from 1.
    #[arg(long, value_name = "DC")]
    reads_in_dc: Option<u8>,
    /// Write through the nodes of this data center alone, counted from 1.
    #[arg(long, value_name = "DC")]
    writes_in_dc: Option<u8>,
    /// What reads do for replicas that are behind.
    #[arg(long, value_parser = ["off", "async", "blocking"])]
    read_repair: Option<String>,
    /// How writes are ordered: by clocks (last write wins), in two phases (abd), by agreement (cas: of registers, reads as well,
    /// and appends compare before they set), or not at all, which is what --workload siblings says too.
    #[arg(long, value_parser = ["lww", "abd", "cas", "siblings"])]
    write_path: Option<String>,
    /// Let nodes that stand in for owners count toward R and W.
    #[arg(long)]
    sloppy: bool,
    /// Which clock stamps the writes of registers.
    #[arg(long, value_parser = ["hlc", "wall"])]
    clock: Option<String>,
    /// How far apart the nodes' clocks are.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    clock_skew: Option<Duration>,
    /// When tombstones go: keep, collect:DURATION once every owner holds them, or forget:DURATION.
    #[arg(long, value_name = "WHEN")]
    tombstones: Option<String>,
    /// When an acknowledged record reaches the disk: always, periodic, periodic:DURATION, never.
    #[arg(long, value_name = "WHEN")]
    fsync: Option<String>,
}

impl SettingsArgs {
    /// Every setting here, by its name in a scenario, which is that of its flag.
    const NAMES: [&str; 17] = [
        "workload",
        "txn-length",
        "n",
        "r",
        "w",
        "dcs",
        "read-level",
        "write-level",
        "reads-in-dc",
        "writes-in-dc",
        "read-repair",
        "write-path",
        "sloppy",
        "clock",
        "clock-skew",
        "tombstones",
        "fsync",
    ];

    /// The settings that were given, by their names in a scenario.
    ///
    /// # Errors
    /// If two of them contradict each other: exit code 64.
    pub(super) fn table(&self) -> anyhow::Result<Table> {
        let mut table = Table::new();
        let numbers = [
            ("n", self.n),
            ("r", self.r),
            ("w", self.w),
            ("dcs", self.dcs),
            ("reads-in-dc", self.reads_in_dc),
            ("writes-in-dc", self.writes_in_dc),
            ("txn-length", self.txn_length),
        ];
        for (name, value) in numbers {
            table.extend(value.map(|value| (name.to_owned(), Value::Integer(value.into()))));
        }
        let (mut workload, mut write_path) = (self.workload.clone(), self.write_path.clone());
        if write_path.as_deref() == Some("siblings") {
            if let Some(other) = workload.filter(|workload| workload != "siblings") {
                let message = format!("read --write-path siblings: --workload {other} has no siblings");
                return Err(ExitError::usage(message).into());
            }
            (workload, write_path) = (Some("siblings".to_owned()), None);
        }
        let texts = [
            ("workload", workload),
            ("read-level", self.read_level.map(String::from)),
            ("write-level", self.write_level.map(String::from)),
            ("read-repair", self.read_repair.clone()),
            ("write-path", write_path),
            ("clock", self.clock.clone()),
            ("clock-skew", self.clock_skew.map(duration::format)),
            ("tombstones", self.tombstones.clone()),
            ("fsync", self.fsync.clone()),
        ];
        for (name, text) in texts {
            table.extend(text.map(|text| (name.to_owned(), Value::String(text))));
        }
        if self.sloppy {
            table.insert("sloppy".to_owned(), Value::Boolean(true));
        }
        Ok(table)
    }

    /// The settings of `scenario` that are not those of each of `bases`, as flags and their values.
    pub(super) fn differences(scenario: &Scenario, bases: &[Scenario]) -> Vec<(String, Option<String>)> {
        let table = to_table(scenario);
        let bases: Vec<Table> = bases.iter().map(to_table).collect();
        let differs = |name: &&&str| bases.iter().any(|base| table.get(**name) != base.get(**name));
        let flag = |name: &&str| {
            let value = match table.get(*name)? {
                Value::Boolean(false) => return None,
                Value::Boolean(true) => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            Some(((*name).to_owned(), value))
        };
        Self::NAMES.iter().filter(differs).filter_map(flag).collect()
    }

    /// `base` with the settings that were given.
    ///
    /// # Errors
    /// If they can't be: exit code 64.
    pub(super) fn over(&self, base: &Scenario) -> anyhow::Result<Scenario> {
        let mut table = to_table(base);
        table.extend(self.table()?);
        let scenario: Scenario = table
            .try_into()
            .map_err(|error: toml::de::Error| ExitError::usage(format!("read the settings: {}", error.message())))?;
        scenario
            .validate_settings()
            .map_err(|error| ExitError::usage(format!("read the settings: {error}")))?;
        Ok(scenario)
    }
}
