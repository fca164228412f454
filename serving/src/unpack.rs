//! Compressed bodies, unpacked within bounds: so many bytes, and so many times the bytes that were sent. A bomb costs no
//! more memory than a body that is allowed.

use std::io::Read;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::config::ServingConfig;
use crate::problem::Problem;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950 by the standard; RFC 1951 as some send it.
    Deflate,
}

impl Coding {
    /// What the header says.
    ///
    /// # Errors
    /// 415 for any other coding, and for several on top of each other.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(written) = headers.get(CONTENT_ENCODING) else {
            return Ok(Coding::Identity);
        };
        Self::named(written.to_str().unwrap_or_default())
    }

    /// The coding of that name.
    ///
    /// # Errors
    /// 415 for any other.
    pub(crate) fn named(written: &str) -> Result<Self, Problem> {
        match written.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Coding::Identity),
            "gzip" | "x-gzip" => Ok(Coding::Gzip),
            "deflate" => Ok(Coding::Deflate),
            _ => Err(Problem::media_type("the body's Content-Encoding is not known here")
                .hint("send the body as it is, or packed by gzip or deflate")),
        }
    }

    /// The body as it was before it was packed.
    ///
    /// # Errors
    /// 413 for one that is larger than the bounds, 400 for one that is damaged.
    pub(crate) fn unpack(self, body: Bytes, config: &ServingConfig) -> Result<Bytes, Problem> {
        let packed: &[u8] = &body;
        // A zlib stream starts with its method and a check (RFC 1950, 2.2); a bare one practically never looks like it.
        let is_zlib = |cmf: u8, flags: u8| cmf & 15 == 8 && (u16::from(cmf) << 8 | u16::from(flags)).is_multiple_of(31);
        match (self, packed) {
            (Coding::Identity, _) => Ok(body),
            (Coding::Gzip, _) => bounded(MultiGzDecoder::new(packed), packed.len(), config),
            (Coding::Deflate, [cmf, flags, ..]) if is_zlib(*cmf, *flags) => {
                bounded(ZlibDecoder::new(packed), packed.len(), config)
            }
            (Coding::Deflate, _) => bounded(DeflateDecoder::new(packed), packed.len(), config),
        }
    }
}

fn bounded(reader: impl Read, packed_bytes: usize, config: &ServingConfig) -> Result<Bytes, Problem> {
    let by_ratio = packed_bytes.saturating_mul(config.unpacked_max_ratio);
    let max_bytes = config.body_max_bytes.min(by_ratio);
    let mut unpacked = Vec::new();
    let mut reader = reader.take(max_bytes as u64 + 1);
    match reader.read_to_end(&mut unpacked) {
        Err(_) => Err(Problem::body(
            "the body is not what its Content-Encoding says, or is cut off",
        )),
        Ok(_) if unpacked.len() <= max_bytes => Ok(unpacked.into()),
        Ok(_) if max_bytes < config.body_max_bytes => Err(Problem::unpacked_too_large(config.unpacked_max_ratio)),
        Ok(_) => Err(Problem::too_large(config.body_max_bytes)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut writer = GzEncoder::new(Vec::new(), Compression::best());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap().into()
    }

    fn config(body_max_bytes: usize) -> ServingConfig {
        ServingConfig {
            body_max_bytes,
            unpacked_max_ratio: 100,
            ..ServingConfig::default()
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let config = config(500);
            let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
            zlib.write_all(&bytes).unwrap();
            let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
            bare.write_all(&bytes).unwrap();
            prop_assert_eq!(&Coding::Gzip.unpack(gzip(&bytes), &config).unwrap()[..], &bytes[..]);
            let zlib = zlib.finish().unwrap().into();
            prop_assert_eq!(&Coding::Deflate.unpack(zlib, &config).unwrap()[..], &bytes[..]);
            let bare = bare.finish().unwrap().into();
            prop_assert_eq!(&Coding::Deflate.unpack(bare, &config).unwrap()[..], &bytes[..]);
        }

        #[test]
        fn any_bytes_are_unpacked_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for coding in [Coding::Gzip, Coding::Deflate] {
                if let Ok(unpacked) = coding.unpack(bytes.clone().into(), &config(1000)) {
                    prop_assert!(unpacked.len() <= 1000);
                }
            }
        }
    }

    #[test]
    fn bombs_are_refused_by_size_and_by_ratio() {
        let bomb = gzip(&vec![b' '; 10_000_000]);
        let told = |config| format!("{:?}", Coding::Gzip.unpack(bomb.clone(), &config).unwrap_err());
        assert!(told(config(1000)).contains("larger than 1000 bytes"));
        assert!(told(config(usize::MAX)).contains("more than 100 times"));
        let cut = bomb.slice(..bomb.len() / 2);
        assert!(Coding::Gzip.unpack(cut, &config(usize::MAX)).is_err());
    }
}
