//! The same file in every packing.

use std::io::Write as _;

use flate2::Compression;
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Case, Outcome, csv, jsonl};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    // With a checksum, as the command-line tool writes it.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A stream as the xz file format 1.2 has it, one block of LZMA2 chunks that are stored; our library only reads.
fn xz(bytes: &[u8]) -> Vec<u8> {
    fn crc(bytes: &[u8]) -> [u8; 4] {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum().to_le_bytes()
    }
    fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }
    fn number(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }
    let flags = [0, 1]; // checksums are CRC32
    let header = [2, 0, 0x21, 1, 8, 0, 0, 0]; // 12 bytes, LZMA2 with a small dictionary
    let mut block = [&header[..], &crc(&header)].concat();
    for (n, chunk) in bytes.chunks(1 << 16).enumerate() {
        block.push(if n == 0 { 1 } else { 2 });
        block.extend(((chunk.len() - 1) as u16).to_be_bytes());
        block.extend(chunk);
    }
    block.push(0);
    let unpadded = block.len() + 4;
    let block = [padded(block), crc(bytes).to_vec()].concat();
    let index = padded([vec![0, 1], number(unpadded), number(bytes.len())].concat());
    let index = [index.clone(), crc(&index).to_vec()].concat();
    let backward = [&((index.len() / 4 - 1) as u32).to_le_bytes()[..], &flags].concat();
    let start = [&b"\xfd7zXZ\0"[..], &flags, &crc(&flags)].concat();
    [start, block, index, crc(&backward).to_vec(), backward, b"YZ".to_vec()].concat()
}

pub(super) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(super) type Packer = fn(&[u8]) -> Vec<u8>;

pub(super) const PACKERS: [Packer; 4] = [gzip, zstd, bzip2, xz];

fn text() -> String {
    (0..3000).fold("id,text\n".to_owned(), |text, n| {
        text + &format!("{n},\"ticket {}\n您好\"\n", n * 7919 % 1000)
    })
}

fn assert_same(a: &Outcome, b: &Outcome) {
    assert_eq!((&a.rows, &a.places, &a.columns), (&b.rows, &b.places, &b.columns));
    assert_eq!(a.shown_rejects(), b.shown_rejects());
}

#[test]
fn packed_is_as_plain() {
    let text = text();
    let plain = csv().land(text.as_bytes());
    let (first, second) = text.as_bytes().split_at(1000);
    for pack in PACKERS {
        assert_same(&csv().land(&pack(text.as_bytes())), &plain);
        // Several members, frames or streams one behind the other are one file.
        assert_same(&csv().land(&[pack(first), pack(second)].concat()), &plain);
    }
    let archive = zip(&[
        ("other.txt", b"x"),
        ("a/t.csv", text.as_bytes()),
        ("t.csv.gz", &gzip(text.as_bytes())),
    ]);
    for member in ["a/t.csv", "t.csv.gz"] {
        let case = Case {
            member: Some(member),
            ..csv()
        };
        assert_same(&case.land(&archive), &plain);
    }
}

#[test]
fn what_is_cut_off_or_damaged_is_refused() {
    let text = text();
    for pack in PACKERS {
        let packed = pack(text.as_bytes());
        for cut in [
            12,
            packed.len() / 3,
            packed.len() / 2,
            packed.len() - 9,
            packed.len() - 1,
        ] {
            let refused = csv().refused(&packed[..cut]);
            assert!(
                refused.contains("raw/input") && refused.contains("damaged or cut off"),
                "{cut}: {refused}"
            );
        }
        let mut damaged = packed.clone();
        let middle = packed.len() / 2;
        damaged[middle] ^= 0x55;
        assert!(csv().try_land(&damaged).is_err());
    }
    let case = Case {
        member: Some("t.csv"),
        ..csv()
    };
    let mut archive = zip(&[("t.csv", text.as_bytes())]);
    assert!(
        case.refused(&archive[..archive.len() / 2])
            .contains("zip archive cannot be read")
    );
    archive[100] ^= 0x55;
    assert!(case.try_land(&archive).is_err());
    let refused = csv().refused(&zip(&[("t.csv", text.as_bytes())]));
    assert!(refused.contains("zip archive within"), "{refused}");
}

#[test]
fn a_content_that_only_looks_packed_is_text() {
    assert_eq!(csv().land(b"BZh9 is a name\n1\n").columns, ["BZh9 is a name"]);
}

#[test]
fn a_whole_content_is_bounded() {
    let bomb = gzip(&vec![b' '; 3 << 20]);
    let unpacked = std::io::copy(&mut flate2::read::GzDecoder::new(&bomb[..]), &mut std::io::sink()).unwrap();
    assert_eq!(unpacked, 3 << 20);
    // Blank lines of any number are no rows, and a row of any length is one reject.
    assert!(jsonl().refused(&gzip(&vec![b'\n'; 3 << 20])).contains("it is empty"));
    assert_eq!(jsonl().land(&gzip(&vec![b'x'; 3 << 20])).landed.rejects, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_file_is_the_same_packed(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'{'), Just(b'}'), Just(b'"'), any::<u8>()], 1..200), packer in 0..4_usize) {
        let plain = jsonl().try_land(&bytes);
        let packed = jsonl().try_land(&PACKERS[packer](&bytes));
        match (plain, packed) {
            (Ok(plain), Ok(packed)) => assert_same(&plain, &packed),
            (plain, packed) => prop_assert_eq!(plain.is_err(), packed.is_err()),
        }
    }

    #[test]
    fn damaged_bytes_never_panic(at in 0..400_usize, to in any::<u8>(), packer in 0..4_usize) {
        let mut packed = PACKERS[packer](&text().as_bytes()[..2000]);
        let at = at % packed.len();
        packed[at] = to;
        let _ = csv().try_land(&packed);
    }
}
