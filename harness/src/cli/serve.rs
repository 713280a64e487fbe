//! `quorate serve`.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use serde_json::json;

use super::Format;
use crate::{exit::Exit, serve};

/// Shows the saved runs in a browser: each with its verdict, its report, its files and its archive, two side by side, and how far one
/// has come that goes on.
///
/// It serves this machine alone, unless --listen says otherwise: there is no password, and whoever reaches it can read every run.
/// It changes nothing. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the folders of runs are.
    #[arg(value_name = "DIR", default_value = "results/runs")]
    dir: PathBuf,
    /// Where to listen; 0 for any that is free.
    #[arg(long, default_value = "8080")]
    port: u16,
    /// On which address of this machine.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// How to answer, once it serves.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  quorate serve
  quorate serve --port 9000 /var/lib/ci/runs";

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let server = serve::Server::bind(SocketAddr::new(args.listen, args.port), &args.dir)?;
    let url = format!("http://{}/", server.address());
    args.format.answer(
        || format!("{} at {url}\n", args.dir.display()),
        || json!({ "format": 1, "dir": args.dir, "url": url }),
    );
    server.run();
    Ok(Exit::Valid)
}
