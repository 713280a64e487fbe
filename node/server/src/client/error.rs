//! Why a request was not answered, by what can be concluded from it.

use crate::{
    frame::Refusal,
    session::{Misfit, SessionError},
};

/// A request without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No byte of it was handed to the wire: it has had no effect, and never will. There was no connection until the
    /// deadline, or it ended before the request's turn, or the request can't be put into a frame.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The node refused to look at it: it has had no effect, and never will.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The connection was lost after some of it may have left. It may have taken effect, or take effect later.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// There was no answer by the deadline. It may have taken effect, or take effect later.
    #[error("no answer by the deadline")]
    TimedOut,
}

impl RequestError {
    /// Whether it is certain that the request has had no effect, and never will.
    pub fn is_definite(&self) -> bool {
        match self {
            RequestError::NotSent(_) | RequestError::Refused(_) => true,
            RequestError::Lost(_) | RequestError::TimedOut => false,
        }
    }
}

/// Why there is no connection to a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Nobody answers, or the connection was lost. One may come yet.
    #[error("{0}")]
    Silent(String),
    /// One end does not trust the other's certificate. It won't a moment later either.
    #[error("{0}")]
    Certificate(String),
    /// The node belongs to a cluster of another name.
    #[error("it belongs to another cluster")]
    OtherCluster,
    /// One end does not want the other, for this reason.
    #[error("{0}")]
    Refused(String),
}

impl Unreachable {
    /// Whether to go on trying may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Unreachable::Silent(_))
    }
}

impl From<&SessionError> for Unreachable {
    fn from(error: &SessionError) -> Unreachable {
        match error.misfit() {
            None => Unreachable::Silent(error.to_string()),
            Some(Misfit::Certificate) => Unreachable::Certificate(error.to_string()),
            Some(Misfit::Cluster) => Unreachable::OtherCluster,
            Some(Misfit::Other) => Unreachable::Refused(error.to_string()),
        }
    }
}
