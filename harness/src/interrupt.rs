//! Ctrl-C, once and twice: once to end a run early and see what it has shown, twice to give it up.
//!
//! SIGTERM counts as a Ctrl-C, so that a CI job that is cancelled leaves nothing running.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::exit::Exit;

/// Tells how often the user has interrupted.
#[derive(Clone, Debug)]
pub struct Interrupts {
    count: watch::Receiver<u32>,
    /// How many this holder has acted on.
    seen: u32,
}

impl Interrupts {
    /// Takes over Ctrl-C from the system's own handling. To be called within a tokio runtime.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn listen() -> anyhow::Result<Interrupts> {
        let signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        let (sender, count) = watch::channel(0);
        for signal in signals {
            tokio::spawn(count_up(signal, sender.clone()));
        }
        Ok(Interrupts { count, seen: 0 })
    }

    /// None will ever come.
    pub fn never() -> Interrupts {
        let (_, count) = watch::channel(0);
        Interrupts { count, seen: 0 }
    }

    /// Waits for the first; once that has been told, it is not told again.
    pub async fn first(&mut self) {
        if self.seen == 0 {
            self.at_least(1).await;
            self.seen = 1;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the second.
    pub async fn second(&mut self) {
        self.at_least(2).await;
    }

    async fn at_least(&mut self, count: u32) {
        if self.count.wait_for(|so_far| *so_far >= count).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Says whether the user has interrupted, to those who work on threads and ask now and then. Who interrupts a second time waits for
/// nothing more: the process ends.
#[derive(Clone, Debug, Default)]
pub struct Interrupted(Arc<AtomicBool>);

impl Interrupted {
    /// Takes over Ctrl-C from the system's own handling, for as long as the process lives.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn listen() -> anyhow::Result<Interrupted> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut interrupts = {
            let _entered = runtime.enter();
            Interrupts::listen()?
        };
        let interrupted = Interrupted::default();
        let flag = Arc::clone(&interrupted.0);
        // Nobody waits for it: it ends with the process, which has nothing to undo.
        thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
            runtime.block_on(async {
                interrupts.first().await;
                flag.store(true, Ordering::Relaxed);
                interrupts.second().await;
                std::process::exit(i32::from(Exit::Interrupted.code()));
            });
        })?;
        Ok(interrupted)
    }

    /// Whether the user has.
    pub fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

async fn count_up(mut signal: Signal, count: watch::Sender<u32>) {
    while signal.recv().await.is_some() {
        count.send_modify(|count| *count += 1);
    }
}
