//! Which addresses may be connected to. Every outgoing connection resolves its name once, here, and
//! connects to one of the addresses that come back: a name that points elsewhere a moment later
//! changes nothing.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ocelli_core::{StageError, address::forbidden};
use url::{Host, Url};

use crate::source::Reach;

pub use ocelli_core::address::Forbidden;

/// How long a name may take to resolve.
const RESOLVE_MAX: Duration = Duration::from_secs(10);

/// Whether an address may be connected to by whoever asks. An IPv4 address within an IPv6 address is
/// judged as what it is.
///
/// # Errors
/// Says why not.
pub fn check(ip: IpAddr, reach: &Reach) -> Result<(), Forbidden> {
    match forbidden(ip) {
        None => Ok(()),
        Some(Forbidden::Loopback) if *reach == Reach::Operator => Ok(()),
        Some(forbidden) => Err(forbidden),
    }
}

/// Resolves the host of an address once. All addresses that come back may be connected to, in this
/// order.
///
/// # Errors
/// [`StageError::Rejected`] where there is no host, or it may not be connected to;
/// [`StageError::Unavailable`] where its name does not resolve.
pub async fn resolve(
    url: &Url,
    default_port: u16,
    reach: &Reach,
) -> Result<Vec<SocketAddr>, StageError> {
    let port = url.port().unwrap_or(default_port);
    let found: Vec<SocketAddr> = match host(url)? {
        Host::Ipv4(ip) => vec![(ip, port).into()],
        Host::Ipv6(ip) => vec![(ip, port).into()],
        Host::Domain(name) => {
            let lookup = tokio::net::lookup_host((name.as_str(), port));
            match tokio::time::timeout(RESOLVE_MAX, lookup).await {
                Ok(Ok(found)) => found.collect(),
                Ok(Err(error)) => {
                    return Err(StageError::Unavailable(format!(
                        "the name {name} does not resolve: {error}"
                    )));
                }
                Err(_elapsed) => {
                    return Err(StageError::Unavailable(format!(
                        "the name {name} does not resolve in {} s",
                        RESOLVE_MAX.as_secs()
                    )));
                }
            }
        }
    };
    let mut why = None;
    let allowed: Vec<SocketAddr> = found
        .into_iter()
        .filter(|found| match check(found.ip(), reach) {
            Ok(()) => true,
            Err(forbidden) => {
                why = Some(forbidden);
                false
            }
        })
        .collect();
    match (allowed.is_empty(), why) {
        (false, _) => Ok(allowed),
        (true, Some(why)) => Err(StageError::Rejected(format!(
            "{} may not be connected to: {why}",
            url.host_str().unwrap_or_default()
        ))),
        (true, None) => Err(StageError::Unavailable(
            "the name has no address".to_owned(),
        )),
    }
}

/// The host of an address. What is not one of the web's schemes is not parsed as an IPv4 address by
/// the URL standard; here it is, or `rtsp://127.0.0.1` would be a name.
fn host(url: &Url) -> Result<Host<String>, StageError> {
    match url.host() {
        None => Err(StageError::Rejected("the address names no host".to_owned())),
        Some(Host::Domain(name)) => Host::parse(name).map_err(|error| {
            StageError::Rejected(format!("the host of the address is none: {error}"))
        }),
        Some(host) => Ok(host.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote() -> Reach {
        Reach::Remote { files_below: None }
    }

    #[test]
    fn addresses_are_judged() {
        use Forbidden::{LinkLocal, Loopback, Metadata, Multicast, Reserved, Unspecified};
        for (text, expected) in [
            ("192.168.1.64", None),
            ("10.0.0.1", None),
            ("203.0.113.9", None),
            ("fd12::1", None),
            ("2001:db8::1", None),
            ("::ffff:10.0.0.1", None),
            ("64:ff9b::10.0.0.1", None),
            ("127.0.0.1", Some(Loopback)),
            ("127.255.0.9", Some(Loopback)),
            ("::1", Some(Loopback)),
            ("::ffff:127.0.0.1", Some(Loopback)),
            ("::127.0.0.1", Some(Loopback)),
            ("64:ff9b::127.0.0.1", Some(Loopback)),
            ("2002:7f00:1::", Some(Loopback)),
            ("169.254.169.254", Some(LinkLocal)),
            ("169.254.0.1", Some(LinkLocal)),
            ("::ffff:169.254.169.254", Some(LinkLocal)),
            ("2002:a9fe:a9fe::1", Some(LinkLocal)),
            ("fe80::1", Some(LinkLocal)),
            ("febf::1", Some(LinkLocal)),
            ("100.100.100.200", Some(Metadata)),
            ("::ffff:100.100.100.200", Some(Metadata)),
            ("168.63.129.16", Some(Metadata)),
            ("192.0.0.192", Some(Metadata)),
            ("fd00:ec2::254", Some(Metadata)),
            ("fd20:ce::254", Some(Metadata)),
            ("224.0.0.1", Some(Multicast)),
            ("239.255.255.250", Some(Multicast)),
            ("::ffff:224.0.0.1", Some(Multicast)),
            ("ff02::1", Some(Multicast)),
            ("0.0.0.0", Some(Unspecified)),
            ("0.1.2.3", Some(Unspecified)),
            ("::", Some(Unspecified)),
            ("::ffff:0.0.0.0", Some(Unspecified)),
            ("255.255.255.255", Some(Reserved)),
            ("240.0.0.1", Some(Reserved)),
            ("::ffff:255.255.255.255", Some(Reserved)),
        ] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(check(ip, &remote()).err(), expected, "{text}");
            let for_operator = expected.filter(|&why| why != Loopback);
            assert_eq!(check(ip, &Reach::Operator).err(), for_operator, "{text}");
        }
    }

    #[tokio::test]
    async fn hosts_are_resolved_once_and_judged() {
        let resolve_text =
            async |text: &str, reach: &Reach| resolve(&Url::parse(text).unwrap(), 554, reach).await;
        let port = |found: Result<Vec<SocketAddr>, StageError>| found.unwrap()[0].port();
        assert_eq!(
            port(resolve_text("rtsp://127.0.0.1/a", &Reach::Operator).await),
            554
        );
        assert_eq!(
            port(resolve_text("rtsp://[::1]:8554/a", &Reach::Operator).await),
            8554
        );
        assert_eq!(
            port(resolve_text("rtsp://localhost:8554/a", &Reach::Operator).await),
            8554
        );
        for text in [
            "rtsp://127.0.0.1/a",
            "rtsp://localhost/a",
            "rtsp://[::ffff:127.0.0.1]/a",
            "rtsp://0x7f.1/a",
            "rtsp://2130706433/a",
            "rtsp://0177.0.0.1/a",
            "rtsp://0/a",
            "rtsp://[fe80::1]/a",
        ] {
            let error = resolve_text(text, &remote()).await.unwrap_err();
            assert!(matches!(error, StageError::Rejected(_)), "{text}: {error}");
        }
    }
}
