//! Finds the fields of a record that has no quotes, which nearly all are, where it stands: nothing is copied. Eight bytes
//! are looked at at once, by arithmetic on a word.

/// One in each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
/// All bits of each byte but the highest.
const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// Cuts records without quotes.
#[derive(Debug)]
pub(super) struct Plain {
    delimiter: u8,
    /// The delimiter and the quote in each byte of a word.
    delimiters: u64,
    quotes: u64,
    /// End of each field from the record's start; the delimiter stands behind it.
    ends: Vec<(usize, bool)>,
}

/// Where a record ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Its bytes without the line end.
    pub content: usize,
    /// Its bytes with it.
    pub total: usize,
}

impl Plain {
    /// `quote` none: there are no quotes, and no byte is one.
    pub(super) fn new(delimiter: u8, quote: Option<u8>) -> Self {
        let fill = |byte: u8| u64::from(byte) * ONES;
        Self {
            delimiter,
            delimiters: fill(delimiter),
            quotes: fill(quote.unwrap_or(delimiter)),
            ends: Vec::new(),
        }
    }

    /// Cuts the record at the start of `bytes`; none if it has a quote, is blank, or may go on behind them.
    pub(super) fn cut(&mut self, bytes: &[u8]) -> Option<Cut> {
        self.ends.clear();
        let has_quotes = self.quotes != self.delimiters;
        let (words, rest) = bytes.as_chunks::<8>();
        for (number, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let ends = zeros(word ^ self.delimiters);
            let lines = zeros(word ^ (u64::from(b'\n') * ONES)) | zeros(word ^ (u64::from(b'\r') * ONES));
            let quotes = if has_quotes { zeros(word ^ self.quotes) } else { 0 };
            let mut hits = ends | lines | quotes;
            while hits != 0 {
                let bit = hits & hits.wrapping_neg();
                let at = number * 8 + (hits.trailing_zeros() / 8) as usize;
                if bit & ends != 0 {
                    self.ends.push((at, false));
                } else if bit & lines != 0 {
                    return self.end(bytes, at);
                } else {
                    return None;
                }
                hits ^= bit;
            }
        }
        let start = words.len() * 8;
        for (at, &byte) in (start..).zip(rest) {
            match byte {
                b'\n' | b'\r' => return self.end(bytes, at),
                _ if byte == self.delimiter => self.ends.push((at, false)),
                _ if has_quotes && u64::from(byte) * ONES == self.quotes => return None,
                _ => {}
            }
        }
        None
    }

    /// The record whose line end starts at a byte.
    fn end(&mut self, bytes: &[u8], at: usize) -> Option<Cut> {
        let width = match (bytes[at], bytes.get(at + 1)) {
            (b'\n', _) => 1,
            (_, Some(b'\n')) => 2,
            (_, Some(_)) => 1,
            (_, None) => return None,
        };
        self.ends.push((at, false));
        (at > 0).then_some(Cut {
            content: at,
            total: at + width,
        })
    }

    /// End of each field of the record; none was quoted.
    pub(super) fn ends(&self) -> &[(usize, bool)] {
        &self.ends
    }
}

/// The highest bit of each byte that is zero.
fn zeros(word: u64) -> u64 {
    !(((word & LOW) + LOW) | word | LOW)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Cut, Plain};

    #[test]
    fn records_are_cut_at_delimiters_and_line_ends() {
        let mut plain = Plain::new(b',', Some(b'"'));
        let cut = plain.cut(b"one,two,,three and more\r\nnext");
        assert_eq!(cut, Some(Cut { content: 23, total: 25 }));
        assert_eq!(plain.ends(), [(3, false), (7, false), (8, false), (23, false)]);
        for other in [&b"a,\"b\"\n"[..], b"a,b", b"a,b\r", b"\nx", b""] {
            assert_eq!(plain.cut(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn a_byte_at_a_time_agrees(bytes in prop::collection::vec(prop::sample::select(b",,a\x80\xac\x2d\x0b\x0c\"\n\r ".to_vec()), 0..60)) {
            let mut plain = Plain::new(b',', Some(b'"'));
            let expected = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r' | b'"')).filter(|&at| at > 0 && bytes[at] != b'"');
            let found = plain.cut(&bytes);
            match expected {
                Some(at) if bytes[at] == b'\n' || at + 1 < bytes.len() => {
                    prop_assert_eq!(found.map(|cut| cut.content), Some(at));
                    let fields: Vec<usize> = (0..at).filter(|&at| bytes[at] == b',').chain([at]).collect();
                    prop_assert_eq!(plain.ends().iter().map(|end| end.0).collect::<Vec<_>>(), fields);
                }
                _ => prop_assert_eq!(found, None),
            }
        }
    }
}
