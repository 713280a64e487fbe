//! `quorate certs`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use quorate_node::{certs::Authority, identity::Role};

use serde_json::json;

use super::Format;
use crate::exit::{Exit, ExitError};

/// Makes a cluster's own certificates: its authority at first, then a folder for each name.
///
/// A node's folder is its data folder: `quorate node --data DIR/n1`. Who has a client's may read and write, who has an
/// administrator's may also ask nodes about themselves.
///
/// Example: quorate certs cluster --node n1 --node n2 --node n3 --admin ops --client app
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the authority is, or is to be.
    dir: PathBuf,
    /// A node to make a certificate for; may be repeated.
    #[arg(long, value_name = "NAME")]
    node: Vec<String>,
    /// A client to make one for; may be repeated.
    #[arg(long, value_name = "NAME")]
    client: Vec<String>,
    /// An administrator to make one for; may be repeated.
    #[arg(long, value_name = "NAME")]
    admin: Vec<String>,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let wanted: Vec<_> = [
        (Role::Node, &args.node),
        (Role::Client, &args.client),
        (Role::Admin, &args.admin),
    ]
    .into_iter()
    .flat_map(|(role, names)| names.iter().map(move |name| (role, name)))
    .collect();
    if wanted.is_empty() {
        return Err(ExitError::usage("make certificates: name a --node, --client or --admin").into());
    }
    let authority = authority(&args.dir)?;
    let mut folders = Vec::new();
    for (role, name) in wanted {
        let identity = authority.issue(role, name)?;
        let folder = args.dir.join(name);
        std::fs::create_dir(&folder).with_context(|| format!("create folder {}", folder.display()))?;
        identity.save(&folder)?;
        folders.push(folder);
    }
    args.format.answer(
        || folders.iter().map(|folder| format!("{}\n", folder.display())).collect(),
        || json!({ "format": 1, "authority": args.dir, "folders": folders }),
    );
    Ok(Exit::Valid)
}

/// The authority in the folder, made if there is none.
fn authority(dir: &Path) -> anyhow::Result<Authority> {
    if dir.join("ca.pem").exists() {
        return Ok(Authority::load(dir)?);
    }
    std::fs::create_dir_all(dir).with_context(|| format!("create folder {}", dir.display()))?;
    let authority = Authority::create()?;
    authority.save(dir)?;
    Ok(authority)
}
