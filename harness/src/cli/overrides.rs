//! From a scenario's name or file and the flags on top of it to a scenario that can be run.

use std::{path::Path, time::Duration};

use clap::Args;
use quorate_core::Plant;
use toml::{Table, Value};

use super::settings::SettingsArgs;
use crate::{duration, exit::ExitError, fault::FaultKind, run_folder::read_input, scenario::Scenario, suite::Suite};

/// What to run: a scenario, and what to change in it.
#[derive(Debug, Args)]
pub(crate) struct ScenarioArgs {
    /// A scenario's name (see `quorate scenarios`), a cell of a suite as in exhibits/s12, or a TOML file.
    #[arg(default_value = "quickstart")]
    scenario: String,
    /// How many nodes.
    #[arg(long)]
    nodes: Option<usize>,
    #[command(flatten)]
    settings: SettingsArgs,
    /// What may be broken: partition, kill, swarm, none or any other of `quorate faults`; several with commas.
    #[arg(long, value_name = "LIST")]
    faults: Option<String>,
    /// How long the load lasts.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    time: Option<Duration>,
    /// Operations a second, of all clients together; 0 for as many as there can be.
    #[arg(long, value_name = "OPS/S")]
    rate: Option<u32>,
    /// Have operations come at that rate whatever became of those before (Poisson), each begun by the first client that is idle;
    /// latencies count from when they came. Without it each client waits for its own, and they count from when it asks.
    #[arg(long)]
    open_loop: bool,
    /// How many clients.
    #[arg(long)]
    concurrency: Option<usize>,
    /// How many keys.
    #[arg(long)]
    keys: Option<usize>,
    /// A bug to plant in every node: see `quorate faults`.
    #[arg(long, value_name = "BUG|none", value_parser = parse_plant)]
    plant: Option<PlantArg>,
    /// A TOML file with settings of a scenario, over those of SCENARIO.
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    /// Any setting of a scenario, as in --set gossip-interval=1s; over all others.
    #[arg(long, value_name = "SETTING=VALUE")]
    set: Vec<String>,
}

impl ScenarioArgs {
    /// The scenario that the arguments ask for, checked.
    ///
    /// # Errors
    /// What can't be (exit code 64), or the file that can't be read (65).
    pub(crate) fn resolve(&self) -> anyhow::Result<Scenario> {
        let mut table = self.base()?;
        if let Some(path) = &self.config {
            let overlay: Table = parse_file(path, &read_input(path)?)?;
            table.extend(overlay);
        }
        table.extend(self.flags()?);
        if self.plant == Some(PlantArg(None)) {
            table.remove("plant");
        }
        for setting in &self.set {
            let (name, value) = parse_setting(setting)?;
            table.insert(name, value);
        }
        let scenario: Scenario = table
            .try_into()
            .map_err(|error: toml::de::Error| ExitError::usage(format!("resolve the scenario: {}", error.message())))?;
        scenario
            .validate()
            .map_err(|error| ExitError::usage(format!("resolve the scenario: {error}")))?;
        Ok(scenario)
    }

    fn base(&self) -> anyhow::Result<Table> {
        let named = Scenario::from_name(&self.scenario).or_else(|| Suite::scenario(&self.scenario).cloned());
        if let Some(scenario) = named {
            return Ok(to_table(&scenario));
        }
        let path = Path::new(&self.scenario);
        if !path.exists() {
            let names: Vec<_> = Scenario::library().into_iter().map(|scenario| scenario.name).collect();
            let message = format!(
                "find scenario {:?}: it is neither a file nor one of {}",
                self.scenario,
                names.join(", ")
            );
            return Err(ExitError::usage(message).into());
        }
        let text = read_input(path)?;
        // What is whole says of which form it is.
        if toml::from_str::<Table>(&text).is_ok_and(|table| !table.contains_key("format")) {
            let path = path.display();
            let message = format!(
                "read {path}: it is no whole scenario, as it has no format; some settings go over one: --config {path}"
            );
            return Err(ExitError::input(message).into());
        }
        let scenario: Scenario = parse_file(path, &text)?;
        Ok(to_table(&scenario))
    }

    /// The settings that have flags of their own.
    fn flags(&self) -> anyhow::Result<Table> {
        let mut table = self.settings.table()?;
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                table.insert(name.to_owned(), value);
            }
        };
        let integer = |value: Option<usize>| value.map(|value| Value::Integer(value.try_into().unwrap_or(i64::MAX)));
        set("nodes", integer(self.nodes));
        set("time", self.time.map(|time| Value::String(duration::format(time))));
        set("rate", self.rate.map(|rate| Value::Integer(rate.into())));
        set("open-loop", self.open_loop.then_some(Value::Boolean(true)));
        set("concurrency", integer(self.concurrency));
        set("keys", integer(self.keys));
        let plant = self.plant.and_then(|plant| plant.0);
        set("plant", plant.map(|plant| Value::String(plant.name().to_owned())));
        let faults = self.faults.as_deref().map(FaultKind::parse_list).transpose();
        let faults = faults.map_err(|error| ExitError::usage(format!("read --faults: {error}")))?;
        if let Some(kinds) = faults {
            let names = kinds.into_iter().map(|kind| Value::String(kind.name().to_owned()));
            set("faults", Some(Value::Array(names.collect())));
            // What was planned before was planned for other faults.
            set("plan", Some(Value::Array(Vec::new())));
        }
        Ok(table)
    }
}

/// A bug to plant, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlantArg(pub(super) Option<Plant>);

/// Reads the name of a bug, or `none`.
pub(super) fn parse_plant(name: &str) -> Result<PlantArg, String> {
    match (name, Plant::from_name(name)) {
        ("none", _) => Ok(PlantArg(None)),
        (_, Some(plant)) => Ok(PlantArg(Some(plant))),
        (_, None) => {
            let known: Vec<_> = Plant::ALL.iter().map(|plant| plant.name()).collect();
            Err(format!("unknown bug {name:?}: known are none, {}", known.join(", ")))
        }
    }
}

pub(super) fn to_table(scenario: &Scenario) -> Table {
    Table::try_from(scenario).expect("a scenario is a table")
}

pub(super) fn parse_file<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> anyhow::Result<T> {
    toml::from_str(text)
        .map_err(|error| ExitError::input(format!("read {}: {}", path.display(), error.to_string().trim_end())))
        .map_err(anyhow::Error::from)
}

/// `name=value`, where a value that is not TOML is taken for a string, so that spans need no quotes.
pub(super) fn parse_setting(setting: &str) -> anyhow::Result<(String, Value)> {
    let (name, value) = setting
        .split_once('=')
        .ok_or_else(|| ExitError::usage(format!("read --set {setting}: write SETTING=VALUE")))?;
    let parsed = toml::from_str::<Table>(&format!("value = {value}"));
    let value = match parsed {
        Ok(mut table) => table.remove("value").expect("just written"),
        Err(_) => Value::String(value.to_owned()),
    };
    Ok((name.trim().to_owned(), value))
}
