//! Which addresses the URLs of others may lead to.
//!
//! A link is text that whoever wrote a dataset chose, and the machine that reads it may stand in a
//! network that they cannot reach. So names are judged by the addresses that a connection is about
//! to be made to: a name that resolves to something else a moment later gains nothing by it.

use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::str::FromStr;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::error::{Error, Kind, quoted};

/// The addresses that links may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Addresses {
    /// Those of the public internet.
    Public,
    /// Private ones too, but not where clouds hand out a machine's own credentials.
    #[default]
    Private,
    /// All.
    Any,
}

/// How far an address is reachable. Later ones are allowed to fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Public,
    /// Only this machine or network, or nobody.
    Private,
    /// This machine's link, where clouds have their metadata services.
    Metadata,
}

/// Metadata services outside of the link-local ranges: of Alibaba, Oracle and Azure.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// Metadata services of Amazon and Google.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Names of metadata services, which a proxy may resolve in our place.
const METADATA_NAMES: [&str; 2] = ["metadata.google.internal", "metadata.goog"];

/// Networks that are not of the public internet, as address and length of the prefix (IANA's
/// registry of special addresses; multicast and reserved ones).
const PRIVATE_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::new(255, 255, 255, 255), 32),
];

/// As [`PRIVATE_V4`]. Everything but 2000::/3 is unassigned or not public.
const PRIVATE_V6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

impl Reach {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let within = |(network, length): &(Ipv4Addr, u32)| {
            (address.to_bits() ^ network.to_bits()).leading_zeros() >= *length
        };
        if address.is_link_local() || METADATA_V4.contains(&address) {
            Self::Metadata
        } else if PRIVATE_V4.iter().any(within) {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if let Some(embedded) = embedded_v4(address) {
            return Self::of_v4(embedded);
        }
        let within = |(network, length): &(Ipv6Addr, u32)| {
            (address.to_bits() ^ network.to_bits()).leading_zeros() >= *length
        };
        if address.is_unicast_link_local() || METADATA_V6.contains(&address) {
            Self::Metadata
        } else if address.to_bits() >> 125 != 1 || PRIVATE_V6.iter().any(within) {
            Self::Private
        } else {
            Self::Public
        }
    }
}

/// The IPv4 address that a gateway, or the system, turns an IPv6 address into.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        // ::ffff:1.2.3.4, and ::1.2.3.4 but for :: and ::1.
        [0, 0, 0, 0, 0, 0xffff] => Some(v4(g, h)),
        [0, 0, 0, 0, 0, 0] if g != 0 => Some(v4(g, h)),
        // NAT64 and 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0] => Some(v4(g, h)),
        [0x2002, ..] => Some(v4(b, c)),
        _ => None,
    }
}

/// Why a connection is not made.
#[derive(Debug)]
pub(super) struct Refused(Addresses);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Addresses::Public => {
                "its host has a private address, and LAKEBED_LINK_PRIVATE_ADDRESSES is 'refuse' \
                 here"
            }
            Addresses::Private | Addresses::Any => {
                "its host has an address at which clouds hand out a machine's own credentials; \
                 LAKEBED_LINK_PRIVATE_ADDRESSES='allow-metadata' reads it all the same"
            }
        })
    }
}

impl StdError for Refused {}

impl FromStr for Addresses {
    type Err = Error;

    /// The value of the setting `LAKEBED_LINK_PRIVATE_ADDRESSES`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "refuse" => Ok(Self::Public),
            "allow" => Ok(Self::Private),
            "allow-metadata" => Ok(Self::Any),
            other => {
                let other = quoted(other);
                let message = format!(
                    "private addresses of links are 'refuse', 'allow' or 'allow-metadata', not \
                     {other}"
                );
                Err(Error::new(Kind::InvalidInput, message))
            }
        }
    }
}

impl Addresses {
    fn permits(self, address: IpAddr) -> bool {
        Reach::of(address)
            <= match self {
                Self::Public => Reach::Public,
                Self::Private => Reach::Private,
                Self::Any => Reach::Metadata,
            }
    }

    /// Refuses a URL that names an address itself, in whatever notation: those are never resolved.
    pub(super) fn check_host(self, url: &Url) -> Result<(), Refused> {
        let permitted = match url.host() {
            Some(url::Host::Ipv4(address)) => self.permits(address.into()),
            Some(url::Host::Ipv6(address)) => self.permits(address.into()),
            Some(url::Host::Domain(name)) => {
                self == Self::Any || !METADATA_NAMES.contains(&name.trim_end_matches('.'))
            }
            None => true,
        };
        if permitted { Ok(()) } else { Err(Refused(self)) }
    }
}

/// Resolves names as the system does, and gives only addresses that may be connected to.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct Resolver(pub(in crate::storage) Addresses);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0;
        Box::pin(async move {
            let look_up = move || (name.as_str(), 0).to_socket_addrs();
            let found = tokio::task::spawn_blocking(look_up).await??;
            let found: Vec<_> = found.collect();
            let named = found.len();
            let kept: Vec<_> =
                found.into_iter().filter(|address| allowed.permits(address.ip())).collect();
            if kept.is_empty() && named > 0 {
                return Err(Refused(allowed).into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn permits(allowed: Addresses, url: &str) -> bool {
        allowed.check_host(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn addresses_are_told_apart() {
        for (address, reach) in [
            ("8.8.8.8", Reach::Public),
            ("100.63.255.255", Reach::Public),
            ("100.128.0.0", Reach::Public),
            ("172.32.0.1", Reach::Public),
            ("2606:4700::1111", Reach::Public),
            ("::ffff:8.8.8.8", Reach::Public),
            ("64:ff9b::808:808", Reach::Public),
            ("0.0.0.0", Reach::Private),
            ("0.1.2.3", Reach::Private),
            ("10.255.0.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("127.0.0.1", Reach::Private),
            ("127.255.255.254", Reach::Private),
            ("172.16.0.1", Reach::Private),
            ("172.31.255.255", Reach::Private),
            ("192.168.1.1", Reach::Private),
            ("198.19.0.1", Reach::Private),
            ("224.0.0.1", Reach::Private),
            ("255.255.255.255", Reach::Private),
            ("::", Reach::Private),
            ("::1", Reach::Private),
            ("::ffff:127.0.0.1", Reach::Private),
            ("::127.0.0.1", Reach::Private),
            ("64:ff9b::10.0.0.1", Reach::Private),
            ("64:ff9b:1::1", Reach::Private),
            ("2002:7f00:1::1", Reach::Private),
            ("2001:db8::1", Reach::Private),
            ("2001::1", Reach::Private),
            ("fc00::1", Reach::Private),
            ("fd12:3456::1", Reach::Private),
            ("fec0::1", Reach::Private),
            ("ff02::1", Reach::Private),
            ("169.254.0.1", Reach::Metadata),
            ("169.254.169.254", Reach::Metadata),
            ("100.100.100.200", Reach::Metadata),
            ("168.63.129.16", Reach::Metadata),
            ("fe80::1", Reach::Metadata),
            ("fd00:ec2::254", Reach::Metadata),
            ("::ffff:169.254.169.254", Reach::Metadata),
            ("2002:a9fe:a9fe::1", Reach::Metadata),
        ] {
            assert_eq!(Reach::of(address.parse().unwrap()), reach, "{address}");
        }
    }

    #[test]
    fn urls_are_judged_whatever_the_notation() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://127.1/",
            "http://0/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://１２７.0.0.1/",
            "https://user@10.0.0.1:8080/x",
        ] {
            assert!(!permits(Addresses::Public, url), "{url}");
            assert!(permits(Addresses::Private, url), "{url}");
        }
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://2852039166/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://[fd00:ec2::254]/",
            "http://METADATA.google.internal/",
            "http://metadata.google.internal./",
        ] {
            assert!(!permits(Addresses::Private, url), "{url}");
            assert!(permits(Addresses::Any, url), "{url}");
        }
        assert!(permits(Addresses::Public, "https://1.1.1.1/"));
        assert!(permits(Addresses::Public, "https://example.com/"));
    }

    proptest! {
        #[test]
        fn an_address_in_disguise_is_judged_as_itself(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            let itself = Reach::of_v4(address);
            let (high, low) = (bits >> 16, bits & 0xffff);
            for disguise in [
                format!("[::ffff:{high:x}:{low:x}]"),
                format!("[64:ff9b::{high:x}:{low:x}]"),
                format!("[2002:{high:x}:{low:x}::1]"),
                format!("{bits}"),
                format!("{bits:#x}"),
                format!("0{bits:o}"),
                format!("{}.{}", bits >> 24, bits & 0x00ff_ffff),
            ] {
                let url = format!("http://{disguise}/x");
                for (allowed, most) in [
                    (Addresses::Public, Reach::Public),
                    (Addresses::Private, Reach::Private),
                    (Addresses::Any, Reach::Metadata),
                ] {
                    prop_assert_eq!(permits(allowed, &url), itself <= most, "{} {}", url, address);
                }
            }
        }

        #[test]
        fn every_private_network_is_refused_whole(
            at in 0..PRIVATE_V4.len(), inside in any::<u32>()
        ) {
            let (network, length) = PRIVATE_V4[at];
            let host = inside.checked_shr(length).unwrap_or(0);
            let address = Ipv4Addr::from_bits(network.to_bits() | host);
            prop_assert!(!Addresses::Public.permits(address.into()), "{}", address);
        }
    }
}
