//! The Host header: a page of another site must not reach this one under a name of its own (DNS
//! rebinding).

use std::net::{IpAddr, Ipv6Addr};

/// Whether requests may name this host: an address as such, `localhost`, or a listed name.
///
/// An address cannot be rebound: whoever names it reaches it and nobody else.
pub(crate) fn admits(authority: &str, listed: &[String]) -> bool {
    let Some(host) = host_of(authority) else {
        return false;
    };
    let address = match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => matches!(host.parse(), Ok(IpAddr::V4(_))),
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    address
        || name.eq_ignore_ascii_case("localhost")
        || listed.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The host without the port.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => {
            (&authority[..colon], Some(&authority[colon + 1..]))
        }
        _ => (authority, None),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok());
    (port_fits && !host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_known_names_are_admitted() {
        let listed = ["cams.site.example".to_owned()];
        for good in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[fe80::1]",
            "localhost",
            "LOCALHOST:1",
            "localhost.:1",
            "192.168.1.4:8080",
            "Cams.Site.Example:443",
        ] {
            assert!(admits(good, &listed), "{good}");
        }
        for bad in [
            "",
            ":80",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil.example:localhost",
            "127.0.0.1:99999",
            "127.0.0.1:",
            "::1",
            "[::1",
            "[127.0.0.1]",
            "evil.example@127.0.0.1",
            "site.example",
        ] {
            assert!(!admits(bad, &listed), "{bad}");
        }
    }
}
