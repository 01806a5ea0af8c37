//! Which addresses nobody may connect to on behalf of somebody else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// `127.0.0.0/8` or `::1`, asked for by somebody else than the operator.
    #[error("a loopback address")]
    Loopback,
    /// `169.254.0.0/16` or `fe80::/10`; metadata services of clouds live there.
    #[error("a link-local address")]
    LinkLocal,
    /// A metadata service of a cloud beyond the link-local addresses.
    #[error("the address of a metadata service")]
    Metadata,
    /// A group of machines.
    #[error("a multicast address")]
    Multicast,
    /// No machine at all: `0.0.0.0/8`, `::`.
    #[error("an unspecified address")]
    Unspecified,
    /// All machines, or none that exist: `240.0.0.0/4`.
    #[error("a broadcast or reserved address")]
    Reserved,
}

/// Why an address may not be connected to. An IPv4 address within an IPv6 address is judged as what
/// it is. Loopback is for whoever runs the machine: the caller knows who asks.
pub fn forbidden(ip: IpAddr) -> Option<Forbidden> {
    match ip {
        IpAddr::V4(ip) => forbidden_v4(ip),
        IpAddr::V6(ip) => match inner_v4(ip) {
            Some(inner) => forbidden_v4(inner),
            None => forbidden_v6(ip),
        },
    }
}

fn forbidden_v4(ip: Ipv4Addr) -> Option<Forbidden> {
    /// Alibaba Cloud, Microsoft Azure, Oracle Cloud.
    const METADATA: [Ipv4Addr; 3] = [
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(168, 63, 129, 16),
        Ipv4Addr::new(192, 0, 0, 192),
    ];
    if ip.is_loopback() {
        Some(Forbidden::Loopback)
    } else if ip.is_link_local() {
        Some(Forbidden::LinkLocal)
    } else if METADATA.contains(&ip) {
        Some(Forbidden::Metadata)
    } else if ip.is_multicast() {
        Some(Forbidden::Multicast)
    } else if ip.octets()[0] == 0 {
        Some(Forbidden::Unspecified)
    } else if ip.octets()[0] >= 240 {
        Some(Forbidden::Reserved)
    } else {
        None
    }
}

fn forbidden_v6(ip: Ipv6Addr) -> Option<Forbidden> {
    /// Amazon Web Services, Google Cloud.
    const METADATA: [Ipv6Addr; 2] = [
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    ];
    if ip.is_loopback() {
        Some(Forbidden::Loopback)
    } else if ip.is_unicast_link_local() {
        Some(Forbidden::LinkLocal)
    } else if METADATA.contains(&ip) {
        Some(Forbidden::Metadata)
    } else if ip.is_multicast() {
        Some(Forbidden::Multicast)
    } else if ip.is_unspecified() {
        Some(Forbidden::Unspecified)
    } else {
        None
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped (RFC 4291, 2.5.5.2), compatible
/// (2.5.5.1), translated (RFC 6052, 2.1), 6to4 (RFC 3056, 2).
fn inner_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(of(high, low))
        }
        // `::` and `::1` are no IPv4 addresses.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_within_an_address_is_judged_as_what_it_is() {
        for (text, why) in [
            ("10.0.0.1", None),
            ("::ffff:10.0.0.1", None),
            ("::ffff:169.254.169.254", Some(Forbidden::LinkLocal)),
            ("2002:7f00:1::", Some(Forbidden::Loopback)),
            ("fd00:ec2::254", Some(Forbidden::Metadata)),
        ] {
            assert_eq!(forbidden(text.parse().unwrap()), why, "{text}");
        }
    }
}
