//! Writing: a counted file, a row of fields, CSV with a delimiter and an encoding. No meaning of any column is known here.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use encoding_rs::GB18030;

use super::SampleError;

/// Stands for a byte that is no text in the file's encoding; see `CsvFile::spoiled_line`.
pub(super) const BROKEN_MARK: char = '\u{1}';

/// A file being written, its bytes counted.
pub(super) struct CountedFile {
    path: PathBuf,
    out: BufWriter<File>,
    pub(super) bytes: u64,
}

impl CountedFile {
    /// Creates `root/relative` and the folders above it.
    pub(super) fn create(root: &Path, relative: &str) -> Result<Self, SampleError> {
        let path = root.join(relative);
        let create = || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            File::create(&path)
        };
        let file = create().map_err(|source| SampleError::write(&path, source))?;
        Ok(Self {
            out: BufWriter::with_capacity(1 << 18, file),
            path,
            bytes: 0,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SampleError> {
        self.bytes += bytes.len() as u64;
        self.out
            .write_all(bytes)
            .map_err(|source| SampleError::write(&self.path, source))
    }

    /// Flushes; returns the bytes written.
    pub(super) fn finish(mut self) -> Result<u64, SampleError> {
        self.out
            .flush()
            .map_err(|source| SampleError::write(&self.path, source))?;
        Ok(self.bytes)
    }
}

/// The fields of one row in one buffer, used again for every row.
#[derive(Default)]
pub(super) struct Fields {
    text: String,
    ends: Vec<usize>,
}

impl Fields {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    pub(super) fn push(&mut self, field: &str) {
        self.push_with(|out| out.push_str(field));
    }

    /// Appends a field written by `write`.
    pub(super) fn push_with(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        self.ends.push(self.text.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|k| &self.text[if k == 0 { 0 } else { self.ends[k - 1] }..self.ends[k]])
    }
}

/// A CSV file (RFC 4180 but for its delimiter and line feeds).
pub(super) struct CsvFile {
    file: CountedFile,
    delimiter: char,
    gb18030: Option<Gb18030>,
    line: String,
    encoded: Vec<u8>,
}

impl CsvFile {
    /// A UTF-8 file with commas, or a GB18030 one with semicolons, as the old system wrote. Writes the header.
    pub(super) fn create(root: &Path, relative: &str, legacy: bool, header: &str) -> Result<Self, SampleError> {
        let mut file = Self {
            file: CountedFile::create(root, relative)?,
            delimiter: if legacy { ';' } else { ',' },
            gb18030: legacy.then(Gb18030::default),
            line: String::new(),
            encoded: Vec::new(),
        };
        file.row(header.split(','))?;
        Ok(file)
    }

    /// Writes one row.
    pub(super) fn row<'f>(&mut self, fields: impl Iterator<Item = &'f str>) -> Result<(), SampleError> {
        self.line.clear();
        for (k, field) in fields.enumerate() {
            if k > 0 {
                self.line.push(self.delimiter);
            }
            let plain = !field
                .bytes()
                .any(|byte| byte == self.delimiter as u8 || matches!(byte, b'"' | b'\n' | b'\r'));
            if plain {
                self.line.push_str(field);
            } else {
                self.line.push('"');
                self.line.extend(
                    field
                        .split_inclusive('"')
                        .flat_map(|part| [part, if part.ends_with('"') { "\"" } else { "" }]),
                );
                self.line.push('"');
            }
        }
        self.end_line(false)
    }

    /// Writes one row in which every `BROKEN_MARK` becomes the byte 0xFF, which neither UTF-8 nor GB18030 knows.
    pub(super) fn spoiled_row<'f>(&mut self, fields: impl Iterator<Item = &'f str>) -> Result<(), SampleError> {
        self.line.clear();
        for (k, field) in fields.enumerate() {
            if k > 0 {
                self.line.push(self.delimiter);
            }
            self.line.extend(
                field
                    .chars()
                    .map(|letter| if "\"\n\r,;".contains(letter) { ' ' } else { letter }),
            );
        }
        self.end_line(true)
    }

    /// Writes one row whose field number `open` begins with a quote that is only closed by the end of the line, so that
    /// it swallows the fields after it and nothing else.
    pub(super) fn unclosed_row<'f>(
        &mut self,
        fields: impl Iterator<Item = &'f str>,
        open: usize,
    ) -> Result<(), SampleError> {
        self.line.clear();
        for (k, field) in fields.enumerate() {
            if k > 0 {
                self.line.push(self.delimiter);
            }
            if k == open {
                self.line.push('"');
            }
            self.line.extend(
                field
                    .chars()
                    .map(|letter| if "\"\n\r,;".contains(letter) { ' ' } else { letter }),
            );
        }
        self.line.push('"');
        self.end_line(false)
    }

    fn end_line(&mut self, spoiled: bool) -> Result<(), SampleError> {
        self.line.push('\n');
        if self.gb18030.is_none() && !spoiled {
            return self.file.write(self.line.as_bytes());
        }
        self.encoded.clear();
        match &mut self.gb18030 {
            Some(encoder) => encoder.encode(&self.line, &mut self.encoded),
            None => self.encoded.extend_from_slice(self.line.as_bytes()),
        }
        if spoiled {
            self.encoded
                .iter_mut()
                .filter(|byte| **byte == BROKEN_MARK as u8)
                .for_each(|byte| *byte = 0xFF);
        }
        self.file.write(&self.encoded)
    }

    /// Flushes; returns the bytes written.
    pub(super) fn finish(self) -> Result<u64, SampleError> {
        self.file.finish()
    }
}

/// GB18030 with a memory of single characters: `encoding_rs` finds a Chinese character by a linear search, unless built
/// with large tables, and a desk uses a few hundred different ones.
#[derive(Default)]
pub(super) struct Gb18030 {
    known: HashMap<char, ([u8; 4], usize)>,
}

impl Gb18030 {
    pub(super) fn encode(&mut self, text: &str, out: &mut Vec<u8>) {
        for letter in text.chars() {
            if letter.is_ascii() {
                out.push(letter as u8);
                continue;
            }
            let (bytes, len) = self.known.entry(letter).or_insert_with(|| {
                let mut utf8 = [0; 4];
                let (encoded, _, _) = GB18030.encode(letter.encode_utf8(&mut utf8));
                let mut bytes = [0; 4];
                let len = encoded.len().min(4);
                bytes[..len].copy_from_slice(&encoded[..len]);
                (bytes, len)
            });
            out.extend_from_slice(&bytes[..*len]);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn gb18030_comes_back() {
        let text = "订单 SO1；退款😀 ，𠮷";
        let mut bytes = Vec::new();
        Gb18030::default().encode(text, &mut bytes);
        let (back, _, wrong) = GB18030.decode(&bytes);
        assert_eq!((back.as_ref(), wrong), (text, false));
    }

    #[test]
    fn rows_come_back_through_the_csv_crate() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = CsvFile::create(folder.path(), "a/b.csv", false, "x,y").unwrap();
        let rows = [["plain", "with, comma"], ["a \"word\" \"", "two\nlines"], ["", "订单"]];
        for row in rows {
            file.row(row.into_iter()).unwrap();
        }
        file.finish().unwrap();
        let mut reader = csv::Reader::from_path(folder.path().join("a/b.csv")).unwrap();
        let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(read, rows.map(|row| csv::StringRecord::from(row.to_vec())));
    }
}
