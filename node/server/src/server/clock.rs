//! The two clocks that the core is shown, read from the machine.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use quorate_core::{Now, Time, WallTime};

use crate::control::Control;

/// Both clocks, the monotonic one counted from the node's start.
#[derive(Debug)]
pub(super) struct Clock {
    origin: Instant,
    ahead: Duration,
    /// Makes the wall clock wrong, if anything may.
    control: Option<Arc<Control>>,
}

impl Clock {
    /// Clocks of which the wall clock is wrong by `ahead`, and by what is ordered.
    pub(super) fn start(ahead: Duration, control: Option<Arc<Control>>) -> Clock {
        let origin = Instant::now();
        Clock { origin, ahead, control }
    }

    pub(super) fn now(&self) -> Now {
        // A wall clock before 1970 reads as 1970: as wrong, and as harmless, as any other wrong time.
        let wall = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let wall_ns = nanos(wall + self.ahead);
        let wall_ns = match &self.control {
            None => wall_ns,
            Some(control) => control.skewed(wall_ns),
        };
        Now {
            time: Time::from_nanos(nanos(self.origin.elapsed())),
            wall: WallTime::from_nanos(wall_ns),
        }
    }

    /// The instant of a time on the monotonic clock.
    pub(super) fn instant(&self, time: Time) -> Instant {
        self.origin + Duration::from_nanos(time.as_nanos())
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
