//! The server: requests in, answers out, a few at a time.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    thread,
};

use anyhow::anyhow;
use tiny_http::{Header, Method, Request, Response};

use super::site::{Answer, Body, Site};

/// How many requests are answered at a time: a browser opens six connections.
const THREADS: usize = 4;

/// A server that has its address.
pub struct Server {
    http: Arc<tiny_http::Server>,
    site: Site,
    address: SocketAddr,
}

impl Server {
    /// Takes an address for the runs below `out`.
    ///
    /// # Errors
    /// If it can't be had.
    pub fn bind(address: SocketAddr, out: &Path) -> anyhow::Result<Server> {
        let http = tiny_http::Server::http(address).map_err(|error| anyhow!("listen on {address}: {error}"))?;
        let bound = http.server_addr().to_ip();
        let address = bound.ok_or_else(|| anyhow!("listen on {address}: it is no address of the internet"))?;
        Ok(Server {
            http: Arc::new(http),
            site: Site::new(out),
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process ends.
    pub fn run(&self) {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while let Ok(request) = self.http.recv() {
                        self.answer(request);
                    }
                });
            }
        });
    }

    fn answer(&self, request: Request) {
        let host = request.headers().iter().find(|header| header.field.equiv("Host"));
        let host = host.map_or("", |header| header.value.as_str());
        let is_read = matches!(request.method(), Method::Get | Method::Head);
        // A reader that has gone away changes nothing.
        let _ = match (is_read, is_own(host, self.address.ip())) {
            (false, _) => request.respond(refusal(405, "only GET and HEAD are served\n")),
            (_, false) => request.respond(refusal(403, "this name does not lead here: ask for localhost\n")),
            _ => {
                let answer = self.site.answer(request.url());
                respond(request, answer)
            }
        };
    }
}

/// Whether a request that names this host is meant for us. On the loopback it is only by the names of that: else a page from
/// elsewhere could have its own name lead here, and a browser would let it read.
fn is_own(host: &str, listens_on: IpAddr) -> bool {
    if !listens_on.is_loopback() {
        return true;
    }
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = without_port
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    without_port == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn refusal(status: u16, why: &str) -> Response<std::io::Cursor<Vec<u8>>> {
    Response::from_string(why).with_status_code(status)
}

fn respond(request: Request, answer: Answer) -> std::io::Result<()> {
    let mut headers = vec![
        header("Content-Type", answer.kind),
        header("Content-Security-Policy", answer.policy),
        header("X-Content-Type-Options", "nosniff"),
        header("Referrer-Policy", "no-referrer"),
        header("Cache-Control", "no-store"),
    ];
    if let Some(name) = &answer.saved_as {
        let plain: String = name
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter))
            .collect();
        headers.push(header(
            "Content-Disposition",
            &format!("attachment; filename=\"{plain}\""),
        ));
    }
    let status = answer.status;
    match answer.body {
        Body::Text(text) => {
            let response = Response::from_string(text).with_status_code(status);
            request.respond(headers.into_iter().fold(response, Response::with_header))
        }
        Body::File(file) => {
            let response = Response::from_file(file).with_status_code(status);
            request.respond(headers.into_iter().fold(response, Response::with_header))
        }
    }
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("it is of plain letters")
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn on_the_loopback_only_its_own_names_lead_here() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        for host in [
            "localhost:8080",
            "localhost",
            "127.0.0.1:1",
            "127.0.0.1",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(
                is_own(host, loopback) && is_own(host, IpAddr::V6(Ipv6Addr::LOCALHOST)),
                "{host}"
            );
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "10.0.0.1:80",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_own(host, loopback), "{host}");
            assert!(is_own(host, IpAddr::V4(Ipv4Addr::UNSPECIFIED)), "told to serve others");
        }
    }
}
