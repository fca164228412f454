//! A place in a JSON text that moves on by whole tokens and checks the grammar (RFC 8259) as it goes. It never leaves
//! the text, whatever stands in it, and builds no values.

use super::landing::Fault;

/// Objects and arrays in each other; deeper ones are an attack on whoever reads them.
pub(super) const DEPTH_MAX: usize = 128;

/// Why a text cannot be a row.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It is not JSON.
    Json,
    /// It may be JSON, but is no row.
    Row(Fault),
}

/// A place in a text.
#[derive(Debug)]
pub(super) struct Walk<'l> {
    text: &'l str,
    at: usize,
    has_nul: bool,
}

impl<'l> Walk<'l> {
    pub(super) fn new(text: &'l str) -> Self {
        Self {
            text,
            at: 0,
            has_nul: false,
        }
    }

    /// Whether a string that was read has a NUL in it.
    pub(super) fn has_nul(&self) -> bool {
        self.has_nul
    }

    /// Steps over white space; the byte behind it, 0 at the end.
    pub(super) fn peek(&mut self) -> u8 {
        while matches!(self.byte(), b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
        self.byte()
    }

    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn rest(&self) -> &'l [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn slice(&self, from: usize, to: usize) -> &'l str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), Wrong> {
        self.peek();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(Wrong::Json)
        }
    }

    /// Steps into the object or array that starts here, and out of it if it is empty.
    pub(super) fn enter_empty(&mut self, close: u8) -> bool {
        self.at += 1;
        let is_empty = self.peek() == close;
        self.at += usize::from(is_empty);
        is_empty
    }

    /// Steps over what stands behind a value: true for the end of what it is in, false for a comma.
    pub(super) fn ends_or_goes_on(&mut self, close: u8) -> Result<bool, Wrong> {
        let found = self.peek();
        self.at += 1;
        match found {
            b',' => Ok(false),
            found if found == close => Ok(true),
            _ => Err(Wrong::Json),
        }
    }

    /// Appends the text of the key that starts here, and steps over its colon.
    pub(super) fn key(&mut self, to: &mut String) -> Result<(), Wrong> {
        if self.peek() != b'"' {
            return Err(Wrong::Json);
        }
        self.string(to)?;
        self.colon()
    }

    fn colon(&mut self) -> Result<(), Wrong> {
        let found = self.peek();
        self.at += 1;
        if found == b':' { Ok(()) } else { Err(Wrong::Json) }
    }

    /// Appends the text of the string that starts here.
    pub(super) fn string(&mut self, to: &mut String) -> Result<(), Wrong> {
        self.at += 1;
        loop {
            let from = self.at;
            let stop = self.run()?;
            to.push_str(self.slice(from, self.at));
            self.at += 1;
            if stop == b'"' {
                return Ok(());
            }
            let character = self.escape()?;
            self.has_nul |= character == '\0';
            to.push(character);
        }
    }

    /// Steps over the characters of a string that stand for themselves; the quote or backslash behind them.
    fn run(&mut self) -> Result<u8, Wrong> {
        let rest = self.rest();
        let skipped = find_stop(rest).ok_or(Wrong::Json)?;
        self.at += skipped;
        match rest[skipped] {
            stop @ (b'"' | b'\\') => Ok(stop),
            _ => Err(Wrong::Json),
        }
    }

    /// The character of the escape whose backslash is behind the walk.
    fn escape(&mut self) -> Result<char, Wrong> {
        let letter = self.byte();
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(Wrong::Json),
        })
    }

    fn unicode(&mut self) -> Result<char, Wrong> {
        let first = self.hex()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let is_pair = first < 0xdc00 && self.rest().starts_with(b"\\u");
        if is_pair {
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second)
                && let Some(character) = char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            {
                return Ok(character);
            }
        }
        let hint = format!("\\u{first:04x} is half a character; mend the escapes where the text is made");
        Err(Wrong::Row(Fault::new("json", hint)))
    }

    fn hex(&mut self) -> Result<u32, Wrong> {
        let digits = self.rest().get(..4).ok_or(Wrong::Json)?;
        let mut number = 0;
        for &digit in digits {
            number = number << 4 | char::from(digit).to_digit(16).ok_or(Wrong::Json)?;
        }
        self.at += 4;
        Ok(number)
    }

    /// Steps over the string that starts here. Halves of characters are left to whoever reads it.
    fn skip_string(&mut self) -> Result<(), Wrong> {
        self.at += 1;
        loop {
            let stop = self.run()?;
            self.at += 1;
            if stop == b'"' {
                return Ok(());
            }
            let letter = self.byte();
            self.at += 1;
            match letter {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                b'u' => {
                    self.hex()?;
                }
                _ => return Err(Wrong::Json),
            }
        }
    }

    /// Whether the object that starts here has nothing in it.
    pub(super) fn is_empty_object(&self) -> bool {
        let rest = self.rest().get(1..).unwrap_or_default();
        rest.trim_ascii_start().first() == Some(&b'}')
    }

    /// The array or object that starts here, as written; it stands `around` deep.
    pub(super) fn nested(&mut self, around: usize) -> Result<&'l str, Wrong> {
        let from = self.at;
        // What is open: a bit for each, 1 for an object, the innermost last.
        let mut open: u128 = 0;
        let mut depth = 0;
        loop {
            let first = self.peek();
            match first {
                b'[' | b'{' => {
                    depth += 1;
                    check_depth(around + depth)?;
                    let is_object = first == b'{';
                    if !self.enter_empty(if is_object { b'}' } else { b']' }) {
                        open = open << 1 | u128::from(is_object);
                        if is_object {
                            self.skip_key()?;
                        }
                        continue;
                    }
                    depth -= 1;
                }
                b'"' => self.skip_string()?,
                _ => {
                    self.scalar()?;
                }
            }
            loop {
                if depth == 0 {
                    return Ok(self.slice(from, self.at));
                }
                let is_object = open & 1 == 1;
                if !self.ends_or_goes_on(if is_object { b'}' } else { b']' })? {
                    if is_object {
                        self.skip_key()?;
                    }
                    break;
                }
                open >>= 1;
                depth -= 1;
            }
        }
    }

    fn skip_key(&mut self) -> Result<(), Wrong> {
        if self.peek() != b'"' {
            return Err(Wrong::Json);
        }
        self.skip_string()?;
        self.colon()
    }

    /// The number, `true`, `false` or `null` that starts here.
    pub(super) fn scalar(&mut self) -> Result<&'l str, Wrong> {
        let from = self.at;
        while !matches!(self.byte(), b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' | 0) {
            self.at += 1;
        }
        let written = self.slice(from, self.at);
        match written {
            "true" | "false" | "null" => Ok(written),
            _ if is_number(written.as_bytes()) => Ok(written),
            _ => Err(Wrong::Json),
        }
    }
}

/// Whether a token is a number: `-`, digits without a leading zero, fraction, exponent.
fn is_number(token: &[u8]) -> bool {
    let digits = |from: &[u8]| from.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = token.strip_prefix(b"-").unwrap_or(token);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', exponent @ ..] => exponent,
            exponent => exponent,
        };
        let count = digits(exponent);
        if count == 0 {
            return false;
        }
        rest = &exponent[count..];
    }
    rest.is_empty()
}

/// The first quote, backslash or control character, none of which stands for itself in a string. Looks at 32 bytes at
/// once, in a shape that the compiler turns into vector instructions.
fn find_stop(bytes: &[u8]) -> Option<usize> {
    let is_stop = |byte: u8| (byte == b'"') | (byte == b'\\') | (byte < b' ');
    let (blocks, _) = bytes.as_chunks::<32>();
    let is_hit = |block: &[u8; 32]| block.iter().fold(false, |hit, &byte| hit | is_stop(byte));
    let clear = blocks.iter().position(is_hit).unwrap_or(blocks.len()) * 32;
    bytes[clear..]
        .iter()
        .position(|&byte| is_stop(byte))
        .map(|at| clear + at)
}

/// Refuses what stands too deep.
pub(super) fn check_depth(depth: usize) -> Result<(), Wrong> {
    match depth > DEPTH_MAX {
        false => Ok(()),
        true => Err(Wrong::Row(Fault::new(
            "json",
            format!("objects or arrays stand in each other more than {DEPTH_MAX} deep"),
        ))),
    }
}
