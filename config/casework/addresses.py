"""Which network addresses are public: reachable for anyone, and so no door into the operator's own network.

Python's `is_global` is wrong for about a quarter of the special ranges, therefore the list stands here.
Source: IANA special-purpose address registries (IPv4 and IPv6), multicast and IPv6 global unicast assignments.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

_RESERVED_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by carriers
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, cloud metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT relays
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
# Everything outside of it is reserved, local or multicast: ::1, fc00::/7, fe80::/10, fec0::/10, 5f00::/16, ff00::/8 ...
_GLOBAL_6 = IPv6Network("2000::/3")
_RESERVED_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID ...
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # former 6bone
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)


def unmapped(address: Address) -> Address:
    """The IPv4 address behind ::ffff:a.b.c.d, which is where a connection would go; any other address as it is."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_public(address: Address) -> bool:
    """Whether anyone on the internet can reach this address.

    Addresses that carry an IPv4 address (mapped, NAT64, ISATAP) are public only when that one is. Tunnels without an
    owner (6to4, Teredo) never are.
    """
    address = unmapped(address)
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _RESERVED_4)
    carried = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64:
        return is_public(carried)
    if address not in _GLOBAL_6 or not address.is_global or any(address in network for network in _RESERVED_6):
        return False
    return int(address) >> 32 & 0xFFFFFFFF not in _ISATAP or is_public(carried)
