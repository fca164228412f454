//! Raw tensors: little-endian numbers, one byte a boolean, and texts each after its length in four bytes. In a request
//! they follow the JSON, one after the other; `Inference-Header-Content-Length` says where the JSON ends.

use serde_json::Value;

use super::super::misfit;
use crate::problem::Problem;

/// The JSON of a body, and what follows it.
pub(crate) fn split(body: &[u8], json_bytes: Option<usize>) -> Result<(&[u8], &[u8]), Problem> {
    match json_bytes {
        None => Ok((body, &[])),
        Some(len) => body.split_at_checked(len).ok_or_else(|| {
            let detail = format!("the body has {} bytes, its JSON is said to have {len}", body.len());
            Problem::body(detail).hint("set Inference-Header-Content-Length to the length of the JSON")
        }),
    }
}

/// What is left of the raw tensors of a request.
pub(super) struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `size` bytes.
    pub(super) fn take(&mut self, size: &Value, path: &str) -> Result<&'a [u8], Problem> {
        let len = size.as_u64().and_then(|len| usize::try_from(len).ok());
        let Some((taken, rest)) = len.and_then(|len| self.0.split_at_checked(len)) else {
            let path = format!("{path}.parameters.binary_data_size");
            let expected = format!(
                "a whole number of at most {}, which is what follows the JSON",
                self.0.len()
            );
            return Err(misfit(path, expected, "another value", Value::from(self.0.len())));
        };
        self.0 = rest;
        Ok(taken)
    }

    /// Bytes that no tensor claims are a mistake of somebody.
    pub(super) fn check_used(self) -> Result<(), Problem> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(Problem::body(format!(
                "{left} bytes behind the JSON belong to no tensor"
            ))),
        }
    }
}

/// The values of a raw tensor; none if the bytes are no whole number of them or no UTF-8. Not-a-number is a gap.
pub(super) fn read(datatype: &str, bytes: &[u8]) -> Option<Vec<Value>> {
    match datatype {
        "FP64" => numbers(bytes, |value| f64::from_le_bytes(value).into()),
        "FP32" => numbers(bytes, |value| f32::from_le_bytes(value).into()),
        "INT64" => numbers(bytes, |value| i64::from_le_bytes(value).into()),
        "INT32" => numbers(bytes, |value| i32::from_le_bytes(value).into()),
        "INT16" => numbers(bytes, |value| i16::from_le_bytes(value).into()),
        "INT8" => numbers(bytes, |value| i8::from_le_bytes(value).into()),
        "UINT64" => numbers(bytes, |value| u64::from_le_bytes(value).into()),
        "UINT32" => numbers(bytes, |value| u32::from_le_bytes(value).into()),
        "UINT16" => numbers(bytes, |value| u16::from_le_bytes(value).into()),
        "UINT8" => numbers(bytes, |value| u8::from_le_bytes(value).into()),
        "BOOL" => bytes
            .iter()
            .map(|byte| (*byte < 2).then(|| (*byte == 1).into()))
            .collect(),
        "BYTES" => texts(bytes),
        _ => None,
    }
}

fn numbers<const BYTES: usize>(bytes: &[u8], value: impl Fn([u8; BYTES]) -> Value) -> Option<Vec<Value>> {
    let (values, rest) = bytes.as_chunks::<BYTES>();
    rest.is_empty()
        .then(|| values.iter().map(|bytes| value(*bytes)).collect())
}

fn texts(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
        texts.push(std::str::from_utf8(text).ok()?.into());
        bytes = rest;
    }
    Some(texts)
}

/// Appends values as bytes; none if one of them is a gap that bytes cannot show. A gap among numbers is not-a-number,
/// a gap among texts an empty one.
pub(super) fn write(datatype: &str, values: &[Value], into: &mut Vec<u8>) -> Option<()> {
    for value in values {
        match datatype {
            "FP64" => into.extend(if value.is_null() { f64::NAN } else { value.as_f64()? }.to_le_bytes()),
            "INT64" => into.extend(value.as_i64()?.to_le_bytes()),
            "BOOL" => into.push(value.as_bool()?.into()),
            _ => {
                let text = if value.is_null() { "" } else { value.as_str()? };
                into.extend(u32::try_from(text.len()).ok()?.to_le_bytes());
                into.extend(text.as_bytes());
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn round(datatype: &str, values: &[Value]) -> Vec<Value> {
        let mut bytes = Vec::new();
        write(datatype, values, &mut bytes).unwrap();
        read(datatype, &bytes).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            numbers in prop::collection::vec(any::<f64>().prop_filter("JSON has no others", |n| n.is_finite()), 0..9),
            whole in prop::collection::vec(any::<i64>(), 0..9),
            texts in prop::collection::vec(any::<String>(), 0..9),
            flags in prop::collection::vec(any::<bool>(), 0..9),
        ) {
            let values = |value: Value| value.as_array().cloned().unwrap();
            for (datatype, written) in [
                ("FP64", values(json!(numbers))),
                ("INT64", values(json!(whole))),
                ("BYTES", values(json!(texts))),
                ("BOOL", values(json!(flags))),
            ] {
                prop_assert_eq!(round(datatype, &written), written);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            for datatype in ["FP64", "FP32", "INT64", "INT8", "UINT16", "BOOL", "BYTES", "FP16"] {
                let _ = read(datatype, &bytes);
            }
        }
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        assert_eq!(read("BYTES", &u32::MAX.to_le_bytes()), None);
        assert_eq!(read("BYTES", &[1, 0, 0, 0, 0xff]), None);
        assert_eq!(read("INT32", &[1, 0, 0]), None);
        assert_eq!(read("BOOL", &[2]), None);
        assert_eq!(read("FP64", &f64::NAN.to_le_bytes()), Some(vec![Value::Null]));
    }
}
