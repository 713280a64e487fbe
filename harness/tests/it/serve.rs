//! `quorate serve` over a socket, and what shells and `man` are given.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Stdio},
};

use crate::command::Quorate;

/// A server that ends with the test.
struct Serving {
    child: Child,
    address: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(quorate: &Quorate) -> Serving {
    let mut command = quorate.command("serve --port 0 --format json");
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be started");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    out.read_line(&mut line).expect("it says where it serves");
    let told: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let url = told["url"].as_str().expect("an address");
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    Serving { child, address }
}

impl Serving {
    fn ask(&self, request: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .expect("asked");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

#[test]
fn runs_are_served_on_this_machine_and_to_nobody_elses_page() {
    let quorate = Quorate::new();
    assert_eq!(quorate.run("sim --time 2s --keys 2 --seed 5 -q").code, 4);
    let serving = serve(&quorate);
    let list = serving.ask("GET /", "localhost");
    assert!(
        list.starts_with("HTTP/1.1 200 ") && list.contains(">vacuous<"),
        "{list}"
    );
    let report = list
        .split('"')
        .find(|part| part.ends_with("/report.html"))
        .expect("a link to the report");
    let page = serving.ask(&format!("GET {report}"), &serving.address);
    assert!(
        page.contains("Content-Security-Policy: sandbox") && page.contains("id=\"verdict\""),
        "{}",
        &page[..400]
    );
    // As it came, before a client would make less of it.
    let outside = serving.ask("GET /run/quickstart/../../../../etc/passwd", "localhost");
    assert!(outside.starts_with("HTTP/1.1 404 "), "{outside}");
    assert!(serving.ask("GET /", "evil.example").starts_with("HTTP/1.1 403 "));
    assert!(serving.ask("DELETE /", "localhost").starts_with("HTTP/1.1 405 "));
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    let quorate = Quorate::new();
    for shell in ["bash", "zsh", "fish"] {
        let ended = quorate.run(&format!("completions {shell}"));
        assert_eq!(ended.code, 0);
        assert!(
            ended.stdout.contains("verify-fix") && ended.stdout.contains("threshold"),
            "{shell}"
        );
    }
    assert_eq!(quorate.run("completions dos").code, 64);
    let (code, made) = quorate.json("man pages");
    let pages = made["pages"].as_array().expect("paths");
    assert_eq!(code, 0);
    for name in [
        "quorate.1",
        "quorate-run.1",
        "quorate-node-status.1",
        "quorate-runs-ls.1",
    ] {
        assert!(
            pages.iter().any(|page| page == &format!("pages/{name}")),
            "{name} in {pages:?}"
        );
    }
    let page = std::fs::read_to_string(quorate.path().join("pages/quorate-run.1")).expect("written");
    assert!(
        page.contains(".TH quorate\\-run 1") || page.contains(".TH quorate-run 1"),
        "{}",
        &page[..300]
    );
}
