//! Where a node is and who asks it: flags, or the environment, and the conversation itself.

use std::{
    env,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, bail};
use quorate_core::{
    AdminOk, AdminRequest, AntiEntropyReport, Cell, Key, Metrics, NodeId, Request, Response, RingView, Status,
};
use quorate_node::{
    Refusal,
    client::{ClientEndpoint, ClientOptions, NodeClient, RequestError, Unreachable},
    identity::{Identity, Role},
};
use tokio::time::Instant;

use crate::{duration, exit::ExitError};

/// How long a node may take to be reached at all: several dials, each of which gives up after 300 ms.
const REACH_PATIENCE: Duration = Duration::from_secs(2);

/// How long an answer may take that needs no work.
pub(super) const QUICK: Duration = Duration::from_secs(30);

/// How long one may take that needs all that the node is busy with to end, or all that it holds to be compared.
pub(super) const THOROUGH: Duration = Duration::from_secs(600);

/// Which node, and who asks.
#[derive(Debug, clap::Args)]
pub(super) struct ConnectArgs {
    /// The node's address [env: QUORATE_CONNECT]
    #[arg(long, value_name = "ADDR")]
    connect: Option<SocketAddr>,
    /// The folder of an administrator's certificate: ca.pem, cert.pem and key.pem, as `quorate certs` makes them [env:
    /// QUORATE_IDENTITY]
    #[arg(long, value_name = "DIR")]
    identity: Option<PathBuf>,
    /// The cluster's name, as its nodes were told [env: QUORATE_CLUSTER] [default: quorate]
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// How long to wait for the answer [default: 30s; 10m to repair, drain, or change who owns what]
    #[arg(long, value_name = "SPAN", value_parser = duration::parse)]
    timeout: Option<Duration>,
}

/// The same, from whichever place says it.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    address: SocketAddr,
    identity: PathBuf,
    cluster: String,
}

/// A conversation with a node.
#[derive(Debug)]
pub(super) struct Conversation {
    client: NodeClient,
    timeout: Duration,
}

impl ConnectArgs {
    /// Has a conversation with the node. Unless `--timeout` says otherwise, an answer may take `patience`.
    ///
    /// # Errors
    /// If the node can't be reached by this identity, or the conversation's own.
    pub(super) fn talk<T>(
        &self,
        patience: Duration,
        conversation: impl AsyncFnOnce(&Conversation) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let target = self.target(|name| env::var(name).ok())?;
        let timeout = self.timeout.unwrap_or(patience);
        let identity = target.identity()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("start the runtime")?.block_on(async {
            let endpoint = target.endpoint(&identity)?;
            let client = endpoint.node(target.address);
            let said = match client.reach(Instant::now() + timeout.min(REACH_PATIENCE)).await {
                Ok(()) => conversation(&Conversation { client, timeout }).await,
                Err(why) => Err(target.unreachable(&why, timeout)),
            };
            endpoint.close().await;
            said
        })
    }

    /// Flags are over the environment, and that is over what is usual.
    fn target(&self, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Target> {
        let variable = |name| variable(name).filter(|text| !text.is_empty());
        let address = match (self.connect, variable("QUORATE_CONNECT")) {
            (Some(address), _) => address,
            (None, Some(text)) => {
                let wrong =
                    |_| ExitError::usage(format!("understand QUORATE_CONNECT: {text:?} is no address and port"));
                text.parse().map_err(wrong)?
            }
            (None, None) => {
                return Err(ExitError::usage("ask a node: say which by --connect ADDR or QUORATE_CONNECT").into());
            }
        };
        let identity = self
            .identity
            .clone()
            .or_else(|| variable("QUORATE_IDENTITY").map(PathBuf::from));
        let unnamed = || {
            ExitError::usage(
                "ask a node: name the folder of an administrator's certificate by --identity DIR or QUORATE_IDENTITY",
            )
        };
        let cluster = self.cluster.clone().or_else(|| variable("QUORATE_CLUSTER"));
        Ok(Target {
            address,
            identity: identity.ok_or_else(unnamed)?,
            cluster: cluster.unwrap_or_else(|| "quorate".to_owned()),
        })
    }
}

impl Target {
    /// An administrator's, or an error that says how to get one.
    fn identity(&self) -> anyhow::Result<Identity> {
        let folder = self.identity.display();
        let identity = Identity::load(&self.identity).with_context(|| format!("load the identity in {folder}"))?;
        let role = match identity.subject().role {
            Role::Admin => return Ok(identity),
            Role::Client => "client",
            Role::Node => "node",
        };
        bail!(
            "use the identity in {folder}: it is a {role}'s, and nodes answer this to administrators alone (quorate certs \
             DIR --admin NAME makes one)"
        )
    }

    fn endpoint(&self, identity: &Identity) -> anyhow::Result<ClientEndpoint> {
        let bind = match self.address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let options = ClientOptions {
            cluster: self.cluster.clone(),
            bind,
            seed: rand::random(),
        };
        let endpoint = ClientEndpoint::new(identity, &options);
        endpoint.with_context(|| format!("open a socket as {}", self.identity.display()))
    }

    /// What is wrong, and what can be done about it.
    fn unreachable(&self, why: &Unreachable, timeout: Duration) -> anyhow::Error {
        let (address, folder, cluster) = (self.address, self.identity.display(), &self.cluster);
        let patience = duration::format(timeout.min(REACH_PATIENCE));
        let said = match why {
            Unreachable::Silent(why) => {
                format!("nothing answered within {patience}; does a node listen there? ({why})")
            }
            Unreachable::Certificate(why) => {
                format!("it and the identity in {folder} are not of the same authority ({why})")
            }
            Unreachable::OtherCluster => format!("it does not belong to cluster {cluster:?}; --cluster names another"),
            Unreachable::Refused(why) => why.clone(),
        };
        anyhow::anyhow!("reach the node at {address}: {said}")
    }
}

impl Conversation {
    /// How long an answer may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The address that is asked.
    pub(super) fn address(&self) -> SocketAddr {
        self.client.address()
    }

    pub(super) async fn status(&self) -> anyhow::Result<Status> {
        match self.ask(AdminRequest::Status).await? {
            AdminOk::Status(status) => Ok(*status),
            other => Err(astray(&other)),
        }
    }

    pub(super) async fn ring(&self) -> anyhow::Result<RingView> {
        match self.ask(AdminRequest::Ring).await? {
            AdminOk::Ring(ring) => Ok(ring),
            other => Err(astray(&other)),
        }
    }

    /// The owners of a key, in the order of its preference list.
    pub(super) async fn owners(&self, key: &Key) -> anyhow::Result<Vec<NodeId>> {
        match self.ask(AdminRequest::Owners { key: key.clone() }).await? {
            AdminOk::Owners(owners) => Ok(owners),
            other => Err(astray(&other)),
        }
    }

    /// The node's own copy.
    pub(super) async fn replica(&self, key: &Key) -> anyhow::Result<Option<Cell>> {
        match self.ask(AdminRequest::ReadReplica { key: key.clone() }).await? {
            AdminOk::Replica(cell) => Ok(cell),
            other => Err(astray(&other)),
        }
    }

    pub(super) async fn anti_entropy(&self) -> anyhow::Result<AntiEntropyReport> {
        match self.ask(AdminRequest::AntiEntropy).await? {
            AdminOk::AntiEntropy(report) => Ok(report),
            other => Err(astray(&other)),
        }
    }

    /// How many hints are left at the node once it is drained.
    pub(super) async fn drain(&self) -> anyhow::Result<u64> {
        match self.ask(AdminRequest::Drain).await? {
            AdminOk::Drained { hints_pending } => Ok(hints_pending),
            other => Err(astray(&other)),
        }
    }

    pub(super) async fn metrics(&self) -> anyhow::Result<Metrics> {
        match self.ask(AdminRequest::Metrics).await? {
            AdminOk::Metrics(metrics) => Ok(*metrics),
            other => Err(astray(&other)),
        }
    }

    pub(super) async fn leave(&self) -> anyhow::Result<()> {
        self.have_done(AdminRequest::Leave).await
    }

    pub(super) async fn remove(&self, node: NodeId) -> anyhow::Result<()> {
        self.have_done(AdminRequest::Remove { node }).await
    }

    pub(super) async fn weigh(&self, weight: u16) -> anyhow::Result<()> {
        self.have_done(AdminRequest::Weigh { weight }).await
    }

    async fn have_done(&self, request: AdminRequest) -> anyhow::Result<()> {
        match self.ask(request).await? {
            AdminOk::Done => Ok(()),
            other => Err(astray(&other)),
        }
    }

    async fn ask(&self, request: AdminRequest) -> anyhow::Result<AdminOk> {
        let asked = || format!("ask the node at {}", self.client.address());
        let deadline = Instant::now() + self.timeout;
        match self.client.request(&Request::Admin(request), deadline).await {
            Ok(Response::Admin(answer)) => answer.with_context(asked),
            Ok(other) => Err(anyhow::anyhow!("it answered another question: {other:?}").context(asked())),
            Err(RequestError::Refused(Refusal::NotAdmin)) => {
                Err(anyhow::anyhow!("it takes this certificate for no administrator's").context(asked()))
            }
            Err(RequestError::TimedOut) => {
                let timeout = duration::format(self.timeout);
                Err(anyhow::anyhow!("no answer within {timeout}; --timeout gives it longer").context(asked()))
            }
            Err(error) => Err(error).with_context(asked),
        }
    }
}

fn astray(answer: &AdminOk) -> anyhow::Error {
    anyhow::anyhow!("understand the node: it answered another question: {answer:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(connect: Option<&str>, identity: Option<&str>, cluster: Option<&str>) -> ConnectArgs {
        ConnectArgs {
            connect: connect.map(|address| address.parse().expect("an address")),
            identity: identity.map(PathBuf::from),
            cluster: cluster.map(str::to_owned),
            timeout: None,
        }
    }

    fn environment(name: &str) -> Option<String> {
        let value = match name {
            "QUORATE_CONNECT" => "127.0.0.1:1",
            "QUORATE_IDENTITY" => "env",
            "QUORATE_CLUSTER" => "",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn a_flag_is_over_the_environment_and_what_is_empty_there_is_not_set() {
        let target = |args: &ConnectArgs| args.target(environment).expect("all is said");
        let from_environment = target(&args(None, None, None));
        assert_eq!(
            (from_environment.address.port(), from_environment.cluster.as_str()),
            (1, "quorate")
        );
        assert_eq!(from_environment.identity, PathBuf::from("env"));
        let from_flags = target(&args(Some("[::1]:2"), Some("flag"), Some("c")));
        assert_eq!((from_flags.address.port(), from_flags.cluster.as_str()), (2, "c"));
        assert_eq!(from_flags.identity, PathBuf::from("flag"));
    }

    #[test]
    fn what_is_missing_or_no_address_is_named() {
        let refused = |args: &ConnectArgs, value: Option<&str>| {
            let error = args.target(|name| value.filter(|_| name == "QUORATE_CONNECT").map(str::to_owned));
            error.expect_err("something is missing").to_string()
        };
        assert!(refused(&args(None, Some("d"), None), None).contains("--connect"));
        assert!(refused(&args(Some("127.0.0.1:1"), None, None), None).contains("--identity"));
        assert!(refused(&args(None, Some("d"), None), Some("here")).contains("\"here\""));
    }
}
