//! Who may talk to a job: a program of this machine, and no web page.
//!
//! The endpoint listens on loopback, which a browser on this machine reaches as well. A page from elsewhere
//! that sends requests here tells its origin; a page whose name was made to point here (DNS rebinding) tells
//! that name as the host. Both are refused, before the token is looked at.

use super::http::{Refusal, Request};

/// What a request must have.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    /// The endpoint's own port.
    pub(super) port: u16,
    /// The token it must bear, if any.
    pub(super) token: Option<String>,
}

impl Guard {
    /// Lets the request in.
    pub(super) fn check(&self, request: &Request) -> Result<(), Refusal> {
        match request.header("host")? {
            Some(host) if self.is_own(host) => {}
            Some(host) => return Err(Refusal(403, format!("host {host:?} is not this endpoint"))),
            None => return Err(Refusal(400, "the host header is missing".to_owned())),
        }
        match request.header("origin")? {
            None => {}
            Some(origin) if origin.strip_prefix("http://").is_some_and(|host| self.is_own(host)) => {}
            Some(origin) => {
                return Err(Refusal(403, format!("origin {origin:?} may not talk to this endpoint")));
            }
        }
        self.check_token(request)
    }

    /// `host` or `host:port` names this endpoint by loopback.
    fn is_own(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse() == Ok(self.port)),
            _ => (host, true),
        };
        port && matches!(name.to_ascii_lowercase().as_str(), "localhost" | "127.0.0.1" | "[::1]")
    }

    fn check_token(&self, request: &Request) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        let borne = request.header("authorization")?.and_then(|value| value.split_once(' '));
        match borne {
            Some((scheme, value)) if scheme.eq_ignore_ascii_case("bearer") && same(value.trim(), token) => {
                Ok(())
            }
            _ => Err(Refusal(401, "the request must bear this job's token".to_owned())),
        }
    }
}

/// Takes the same time wherever the first difference is.
fn same(a: &str, b: &str) -> bool {
    let differences = a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(token: Option<&str>, headers: &[(&str, &str)]) -> u16 {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Request { headers, ..Request::default() };
        let guard = Guard { port: 8081, token: token.map(str::to_owned) };
        guard.check(&request).map_or_else(|refusal| refusal.0, |()| 200)
    }

    #[test]
    fn loopback_by_any_of_its_names_may_enter() {
        for host in ["localhost", "LocalHost:8081", "127.0.0.1:8081", "[::1]:8081", "[::1]"] {
            assert_eq!(status(None, &[("host", host)]), 200, "{host}");
        }
    }

    #[test]
    fn a_foreign_host_is_refused() {
        for host in
            ["evil.example", "evil.example:8081", "127.0.0.1:80", "127.0.0.1.evil.example", "", "localhost:x"]
        {
            assert_eq!(status(None, &[("host", host)]), 403, "{host}");
        }
        assert_eq!(status(None, &[]), 400);
        assert_eq!(status(None, &[("host", "localhost"), ("host", "evil.example")]), 400);
    }

    #[test]
    fn a_foreign_origin_is_refused() {
        let with = |origin| status(None, &[("host", "localhost:8081"), ("origin", origin)]);
        assert_eq!(with("http://localhost:8081"), 200);
        for origin in ["http://evil.example", "null", "https://localhost:8081", "http://localhost:3000", ""] {
            assert_eq!(with(origin), 403, "{origin}");
        }
    }

    #[test]
    fn where_there_is_a_token_only_its_bearer_may_enter() {
        let with = |value| status(Some("s3cret"), &[("host", "localhost"), ("authorization", value)]);
        assert_eq!(with("Bearer s3cret"), 200);
        assert_eq!(with("bearer  s3cret"), 200);
        for value in ["Bearer s3cre", "Bearer s3cretx", "Basic s3cret", "s3cret", "Bearer"] {
            assert_eq!(with(value), 401, "{value}");
        }
        assert_eq!(status(Some("s3cret"), &[("host", "localhost")]), 401);
        assert_eq!(
            status(Some("s3cret"), &[("host", "evil.example"), ("authorization", "Bearer s3cret")]),
            403
        );
    }
}
