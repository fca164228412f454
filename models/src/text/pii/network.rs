//! IP addresses, version 4 and 6, parsed strictly, and hardware (MAC) addresses. Version numbers such as `1.2.3.4.5` are
//! none of them.

use super::context::mentions;
use super::number::Number;
use super::{Found, PiiType, certainty};
use std::net::Ipv6Addr;

const BYTES_MAX: usize = 45;
const VERSION: &[&str] = &[
    "version", "ver", "release", "build", "v", "firmware", "版本", "driver", "update",
];

const ADDRESS: &[&str] = &[
    "ip",
    "ips",
    "ipv",
    "address",
    "addr",
    "host",
    "server",
    "dns",
    "ping",
    "gateway",
    "router",
    "subnet",
    "proxy",
    "地址",
    "网关",
    "服务器",
];

/// Four numbers up to 255 without leading zeros, not called a version.
pub(super) fn is_ipv4(number: &Number<'_>) -> bool {
    let [a, b, c, d] = *number.lens() else { return false };
    if number.gaps() != b"..." || [a, b, c, d].iter().any(|&len| len > 3) || number.plus || number.bracket {
        return false;
    }
    let bytes = number.text.as_bytes();
    let dotted = |rest: &[u8]| matches!(rest, [b'.' | b'-', next, ..] if next.is_ascii_alphanumeric());
    let after = &bytes[number.end..];
    let before = number.start.checked_sub(1).map(|at| bytes[at]);
    let free = !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'$'))
        && !dotted(after)
        && !after
            .first()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let parsed = number.text[number.start..number.end].parse::<std::net::Ipv4Addr>();
    // Versions have four small numbers too; so few digits need a word for them.
    let sure = number.digits().len() > 5 || mentions(number.text, number.start, ADDRESS);
    free && sure && parsed.is_ok_and(|ip| !ip.is_unspecified()) && !mentions_version(number)
}

fn mentions_version(number: &Number<'_>) -> bool {
    let from = number.text.floor_char_boundary(number.start.saturating_sub(12));
    let near = &number.text[from..number.start];
    mentions(near, near.len(), VERSION)
}

/// Addresses with colons: IPv6 (also with a zone or an embedded IPv4 address) and MAC (`00:1b:44:11:3a:b7`).
pub(super) fn find_colons(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let mut done = 0;
    for (colon, _) in text.match_indices(':') {
        if colon < done {
            continue;
        }
        let floor = done.max(colon.saturating_sub(BYTES_MAX));
        let start = colon
            - bytes[floor..colon]
                .iter()
                .rev()
                .take_while(|byte| is_part(byte))
                .count();
        let end = colon
            + bytes[colon..]
                .iter()
                .take(BYTES_MAX + 1)
                .take_while(|byte| is_part(byte))
                .count();
        done = end;
        let joined = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        // A word before the first colon (`ip:2001:db8::1`) or a colon from the sentence is not part of the address.
        let mut part = &text[start..end];
        let mut from = start;
        if start > 0 && joined(bytes.get(start - 1)) {
            let Some(first) = part.find(':') else { continue };
            from += first + 1;
            part = &part[first + 1..];
        }
        if part.starts_with(':') && !part.starts_with("::") {
            (from, part) = (from + 1, &part[1..]);
        }
        let part = part.trim_end_matches('.');
        let part = if part.ends_with("::") {
            part
        } else {
            part.trim_end_matches(':')
        };
        if !joined(bytes.get(from + part.len())) && (is_ipv6(part) || is_mac(part)) {
            found.push(Found {
                start: from,
                end: from + part.len(),
                kind: PiiType::Ip,
                certainty: certainty::IP,
            });
        }
    }
}

/// Many groups, or a digit and a shortened part, so that `std::fmt`, `a::b`, `1::` and `12:30` are none.
fn is_ipv6(text: &str) -> bool {
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    let signs = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let short = digit && text.contains("::") && (signs >= 3 || groups >= 2 || text.starts_with("::"));
    (short || (signs >= 5 && groups >= 4)) && text.parse::<Ipv6Addr>().is_ok()
}

fn is_mac(text: &str) -> bool {
    text.len() == 17
        && text.split(':').count() == 6
        && text
            .split(':')
            .all(|group| group.len() == 2 && group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use crate::text::pii::PiiRules;

    #[test]
    fn addresses() {
        for ip in [
            "192.0.2.17",
            "203.0.113.255",
            "2001:db8::1",
            "2001:0db8:0000:0000:0000:ff00:0042:8329",
            "fe80::1ff:fe23:4567:890a",
            "::ffff:192.0.2.128",
            "00:1b:44:11:3a:b7",
            "2001:db8::",
            "::1",
            "a::7:7:0",
            "1:2:3:4:5:6:7:8",
            "FE80::1",
        ] {
            assert_eq!(
                PiiRules::default().mask(&format!("from {ip}, or")),
                "from <ip>, or",
                "{ip}"
            );
            assert_eq!(PiiRules::default().mask(&format!("地址{ip}。")), "地址<ip>。", "{ip}");
        }
        assert_eq!(
            PiiRules::default().mask("192.0.2.17:8080 192.0.2.0/24"),
            "<ip>:8080 <ip>/24"
        );
        assert_eq!(PiiRules::default().mask("ip:2001:db8::1."), "ip:<ip>.");
    }

    #[test]
    fn others_stay() {
        for text in [
            "1.2.3.4.5",
            "version 1.2.3.4",
            "v1.2.3.4",
            "300.1.2.3",
            "at 10:30:15",
            "std::fmt",
            "a::b",
            "1::",
            "Step 1:: do 2",
            "1.2.3",
            "12:30",
            "ab:cd",
            "08.09.10.11",
            "fixed in 1.6.9.9",
        ] {
            assert_eq!(PiiRules::default().mask(text), text);
        }
    }
}
