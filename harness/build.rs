//! Tells the harness which commit and which compiler it was built with, for the manifest of its runs.

use std::process::Command;

fn main() {
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
    let changes = output("git", &["status", "--porcelain", "--untracked-files=no"]);
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let toolchain = output(&rustc, &["--version"]);
    println!(
        "cargo::rustc-env=QUORATE_COMMIT={}",
        commit.as_deref().unwrap_or("unknown")
    );
    println!(
        "cargo::rustc-env=QUORATE_DIRTY={}",
        changes.is_some_and(|changes| !changes.is_empty())
    );
    println!(
        "cargo::rustc-env=QUORATE_TOOLCHAIN={}",
        toolchain.as_deref().unwrap_or("unknown")
    );
    println!("cargo::rerun-if-changed=../.git/HEAD");
    println!("cargo::rerun-if-changed=../.git/index");
    println!("cargo::rerun-if-changed=src");
}

/// What a command prints; `None` where it can't be run or fails, as outside a checkout.
fn output(command: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(command).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
