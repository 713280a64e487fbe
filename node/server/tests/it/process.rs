//! One node as a child process: started, killed, and reaped whatever happens.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

use quorate_node::control::{Answer, Order, What};

const NODE: &str = env!("CARGO_BIN_EXE_quorate-node");

/// A running node.
pub(crate) struct Process {
    child: Child,
    /// The node ends when this does, and so with this process.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    orders: u64,
    pub(crate) address: SocketAddr,
    pub(crate) node: String,
    pub(crate) generation: u32,
}

/// A node that ended before it listened.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl Process {
    /// Starts a node and waits until it listens. Its log goes to the end of `log`.
    pub(crate) fn start(log: &Path, arguments: &[String]) -> Result<Process, Ended> {
        Process::run(Command::new(NODE).args(arguments), log)
    }

    /// As [`Process::start`], for a node whose files may have so many blocks of the shell's. The signal that would kill
    /// it for more is ignored, as the node inherits.
    pub(crate) fn start_limited(log: &Path, arguments: &[String], blocks: u32) -> Result<Process, Ended> {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        Process::run(Command::new("sh").args(["-c", &script, NODE]).args(arguments), log)
    }

    fn run(command: &mut Command, log: &Path) -> Result<Process, Ended> {
        let log_file = File::options().create(true).append(true).open(log).unwrap();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        if line.is_empty() {
            let code = child.wait().unwrap().code();
            let said = fs::read_to_string(log).unwrap();
            return Err(Ended { code, said });
        }
        Ok(Process {
            child,
            stdin,
            stdout,
            orders: 0,
            address: field(&line, "listening").parse().unwrap(),
            node: field(&line, "node"),
            generation: line.rsplit(['"', ':', '}']).nth(1).unwrap().parse().unwrap(),
        })
    }

    /// Gives an order that ends by itself after a lease, and returns the answer.
    pub(crate) fn order(&mut self, what: What, lease_ms: u64) -> Answer {
        self.orders += 1;
        let id = self.orders;
        let order = Order { id, lease_ms, what };
        let answer = self.say(&serde_json::to_string(&order).unwrap());
        assert_eq!(answer.order, Some(id));
        answer
    }

    /// Writes a line to the node, and returns what it answers.
    pub(crate) fn say(&mut self, line: &str) -> Answer {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
        self.next_answer()
    }

    /// Writes a line to a node that is not to answer.
    pub(crate) fn say_to_the_deaf(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next line that the node writes.
    pub(crate) fn next_answer(&mut self) -> Answer {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// As the power going, but for what the operating system holds.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the process to end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Ends the node's stdin, as the death of its parent would, and waits for it to end.
    pub(crate) fn orphan(mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already reaped, where a test has waited for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn field(line: &str, name: &str) -> String {
    let start = line.find(&format!("\"{name}\":\"")).unwrap() + name.len() + 4;
    line[start..].split('"').next().unwrap().to_owned()
}
