//! Which encoding a file is in, told from its first bytes: its mark, then the pattern of its zero bytes, then whether it
//! is UTF-8, then what its bytes look like (chardetng, with rules of our own for what that was not made for). Nothing is
//! decoded here but UTF-32, which the WHATWG standard (and so encoding_rs) does not have.

use std::io::{self, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

use super::alphabets;

/// What is looked at of a file to tell its encoding and dialect, in bytes.
pub(super) const SAMPLE_BYTES: usize = 256 * 1024;
/// What is looked at to tell UTF-32, in bytes.
const HEAD_BYTES: usize = 4096;
/// So many good characters of several bytes outweigh one bad byte: then the file is UTF-8, and the row is bad.
const GOOD_PER_BAD: usize = 20;

/// The encoding of a file from its start; `is_whole` says that the sample is all of it. UTF-8 where there is no sign of
/// another. UTF-32 is not told here: a reader has made it UTF-8 before ([`Utf32Reader`]).
pub(crate) fn detect(sample: &[u8], is_whole: bool) -> &'static Encoding {
    if let Some((marked, _)) = Encoding::for_bom(sample) {
        return marked;
    }
    if let Some(wide) = utf_16(sample) {
        return wide;
    }
    if is_utf_8(sample, is_whole) {
        return if is_iso_2022_jp(sample) { ISO_2022_JP } else { UTF_8 };
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(sample, is_whole);
    let guess = detector.guess(None, Utf8Detection::Deny);
    alphabets::instead_of(guess, sample)
}

/// Valid UTF-8, but for a character that the sample's end cuts, or for a few bad bytes among many good characters.
fn is_utf_8(sample: &[u8], is_whole: bool) -> bool {
    let (mut good, mut bad) = (0, 0);
    let mut chunks = sample.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        let is_cut = !is_whole && chunks.peek().is_none() && chunk.invalid().len() < 4;
        bad += usize::from(!chunk.invalid().is_empty() && !is_cut);
        if bad == 0 && chunks.peek().is_none() {
            return true;
        }
        good += chunk.valid().chars().filter(|sign| !sign.is_ascii()).count();
    }
    good >= GOOD_PER_BAD * bad
}

/// Text in 7 bits that switches to Japanese by escape sequences.
fn is_iso_2022_jp(sample: &[u8]) -> bool {
    let has_switch = sample
        .windows(3)
        .any(|three| matches!(three, b"\x1b$B" | b"\x1b$@" | b"\x1b(J"));
    has_switch && !ISO_2022_JP.decode_without_bom_handling(sample).1
}

/// UTF-16 without a mark. Every text has spaces, digits or line ends, whose higher byte is zero: so the zeros are on one
/// side only. A few stray NUL in another encoding are not enough.
fn utf_16(sample: &[u8]) -> Option<&'static Encoding> {
    let (pairs, _) = sample.as_chunks::<2>();
    let first = pairs.iter().filter(|pair| pair[0] == 0).count();
    let second = pairs.iter().filter(|pair| pair[1] == 0).count();
    let (zeros, others, encoding) = if second > first {
        (second, first, UTF_16LE)
    } else {
        (first, second, UTF_16BE)
    };
    // Some characters have a zero as their other byte, such as the Chinese one.
    if zeros == 0 || others * 4 > zeros {
        return None;
    }
    let (text, had_errors) = encoding.decode_without_bom_handling(pairs.as_flattened());
    let is_odd = |sign: char| sign == '\0' || ('\u{e000}'..='\u{f8ff}').contains(&sign) || sign >= '\u{fffe}';
    let odd = text.chars().filter(|&sign| is_odd(sign)).count();
    let is_mostly = zeros * 4 >= pairs.len();
    // Few zeros, as in Chinese: then the text has to make sense, and as bytes it must not.
    let is_sense = !had_errors && odd == 0 && text.contains('\n') && std::str::from_utf8(sample).is_err();
    ((is_mostly && odd * 20 <= pairs.len()) || is_sense).then_some(encoding)
}

/// The order of the bytes of UTF-32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// By the mark, or because every four bytes are a character (in no other encoding are they).
    fn of(head: &[u8]) -> Option<Self> {
        let (units, _) = head.as_chunks::<4>();
        let is_text = |order: Order| {
            units.len() >= 2
                && units
                    .iter()
                    .all(|unit| order.character(*unit).is_some_and(|sign| sign >= '\t'))
        };
        [Order::Little, Order::Big].into_iter().find(|&order| is_text(order))
    }

    fn character(self, unit: [u8; 4]) -> Option<char> {
        char::from_u32(match self {
            Order::Little => u32::from_le_bytes(unit),
            Order::Big => u32::from_be_bytes(unit),
        })
    }
}

/// Passes bytes through, but UTF-32 as UTF-8. Offsets are then those of the UTF-8. What is no character becomes the byte
/// 0xFF, which no UTF-8 has, so that its row is a reject.
pub(super) struct Utf32Reader<R> {
    inner: R,
    order: Option<Order>,
    is_started: bool,
    /// Read of `inner`, not yet converted.
    raw: Vec<u8>,
    /// To be given out, from `given` on.
    ready: Vec<u8>,
    given: usize,
}

impl<R: Read> Utf32Reader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            order: None,
            is_started: false,
            raw: Vec::new(),
            ready: Vec::new(),
            given: 0,
        }
    }

    /// Reads the next piece into `raw`; gives its length.
    fn fill(&mut self) -> io::Result<usize> {
        self.inner.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut self.raw)
    }

    fn start(&mut self) -> io::Result<()> {
        self.is_started = true;
        self.fill()?;
        self.order = Order::of(&self.raw);
        match self.order {
            Some(order) => self.convert(order),
            None => self.ready = std::mem::take(&mut self.raw),
        }
        Ok(())
    }

    fn convert(&mut self, order: Order) {
        self.ready.clear();
        self.given = 0;
        let (units, rest) = self.raw.as_chunks::<4>();
        for unit in units {
            match order.character(*unit) {
                Some(sign) => self.ready.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes()),
                None => self.ready.push(0xff),
            }
        }
        self.raw = rest.to_vec();
    }
}

impl<R: Read> Read for Utf32Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.is_started {
            self.start()?;
        }
        while self.given == self.ready.len() {
            let Some(order) = self.order else {
                return self.inner.read(out);
            };
            if self.fill()? == 0 {
                if self.raw.is_empty() {
                    return Ok(0);
                }
                // Part of a character at the very end.
                self.raw.clear();
                (self.ready, self.given) = (vec![0xff], 0);
                break;
            }
            self.convert(order);
        }
        let count = out.len().min(self.ready.len() - self.given);
        out[..count].copy_from_slice(&self.ready[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

/// The text of a file that is held whole, and the name of its encoding. What is no character there becomes U+FFFD.
pub fn read_text(bytes: &[u8]) -> (String, &'static str) {
    let mut narrow = Vec::new();
    let is_read = Utf32Reader::new(bytes).read_to_end(&mut narrow).is_ok();
    let bytes = if is_read { &narrow } else { bytes };
    let encoding = detect(bytes, true);
    let (text, used, _) = encoding.decode(bytes);
    (text.into_owned(), used.name())
}
