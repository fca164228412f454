//! csv as PostgreSQL writes it, for all databases: a null is empty, the empty text is quoted, a quote is doubled. In a
//! result of one column a null is the quoted empty text, for a blank line is no row.

use std::borrow::Cow;

/// Appends a row to `out`.
pub(super) fn write_row<'v>(out: &mut Vec<u8>, values: impl ExactSizeIterator<Item = Option<Cow<'v, [u8]>>>) {
    let is_alone = values.len() == 1;
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match value {
            None if is_alone => out.extend_from_slice(b"\"\""),
            None => {}
            Some(value) => write_value(out, &value),
        }
    }
    out.push(b'\n');
}

fn write_value(out: &mut Vec<u8>, value: &[u8]) {
    let is_plain = !value.is_empty() && !value.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'));
    if is_plain {
        out.extend_from_slice(value);
        return;
    }
    out.push(b'"');
    for &byte in value {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Bytes of a database as text: as they are if they are UTF-8 without NUL, else in hexadecimal after `0x`.
pub(super) fn bytes_as_text(bytes: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0) {
        return Cow::Borrowed(bytes);
    }
    let digits = bytes.iter().flat_map(|byte| {
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
        [digit(byte >> 4), digit(byte & 15)]
    });
    Cow::Owned(b"0x".iter().copied().chain(digits).collect())
}

/// The value of a column in a row of such csv; none for a null, or if there is no such column.
pub(super) fn value_at(row: &[u8], column: usize) -> Option<Cow<'_, [u8]>> {
    let (mut at, mut start, mut is_quoted) = (0, 0, false);
    for (place, &byte) in row.iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                if at == column {
                    return unquoted(&row[start..place]);
                }
                at += 1;
                start = place + 1;
            }
            _ => {}
        }
    }
    let end = row.strip_suffix(b"\n").unwrap_or(row).len();
    if at == column {
        unquoted(row.get(start..end)?)
    } else {
        None
    }
}

fn unquoted(field: &[u8]) -> Option<Cow<'_, [u8]>> {
    if field.is_empty() {
        return None;
    }
    let Some(inner) = field.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return Some(Cow::Borrowed(field));
    };
    let mut value = Vec::with_capacity(inner.len());
    let mut is_second = false;
    for &byte in inner {
        is_second = byte == b'"' && !is_second;
        if !is_second {
            value.push(byte);
        }
    }
    Some(Cow::Owned(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(values: &[Option<Vec<u8>>]) -> Vec<u8> {
        let mut out = Vec::new();
        write_row(&mut out, values.iter().map(|value| value.as_deref().map(Cow::Borrowed)));
        out
    }

    #[test]
    fn nulls_and_empty_texts_differ() {
        let row = [
            None,
            Some(vec![]),
            Some(b"a,\"b\"\nc".to_vec()),
            Some("\u{5ba2}".into()),
        ];
        assert_eq!(written(&row), ",\"\",\"a,\"\"b\"\"\nc\",\u{5ba2}\n".as_bytes());
        assert_eq!(written(&[None]), b"\"\"\n");
    }

    #[test]
    fn bytes_that_are_no_text_are_hexadecimal() {
        assert_eq!(bytes_as_text(b"\xff\x00\x1a").as_ref(), b"0xff001a");
        assert_eq!(bytes_as_text("\u{597d}".as_bytes()).as_ref(), "\u{597d}".as_bytes());
    }

    proptest! {
        #[test]
        fn values_come_back(row in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..8)), 2..6)) {
            let line = written(&row);
            for (at, value) in row.iter().enumerate() {
                let back = value_at(&line, at).map(Cow::into_owned);
                prop_assert_eq!(&back, value);
            }
            prop_assert_eq!(value_at(&line, row.len()), None);
        }
    }
}
