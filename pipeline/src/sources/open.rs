//! Opens the file of a request for reading, whatever it is compressed with. The first bytes decide, not the name.
//! Everywhere else in ingest, offsets are those within the decompressed content; progress is in bytes on the disk.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek as _, SeekFrom};

use flate2::Crc;
use zip::{CompressionMethod, ZipArchive};

use super::LandRequest;
use crate::error::{Error, Result};
use crate::project::Format;

/// What a format that needs the whole content in memory takes at most, unpacked.
pub(super) const WHOLE_MAX_BYTES: usize = 512 << 20;
/// The longest signature: bzip2's header and the start of its first block.
const SIGNATURE_MAX_BYTES: usize = 10;
/// What is read at once of a compressed file.
const CHUNK_BYTES: usize = 64 * 1024;
/// The dictionary of an xz block may ask for up to 4 GiB; level 9 takes 64 MiB.
const XZ_MEMORY_MAX_KIB: u32 = 256 * 1024;
/// What any packed file may unpack to, however small it is.
const UNPACKED_FREE_BYTES: u64 = 256 << 20;
/// How often a content may be packed: a member of a zip archive may be a gzip file.
const LAYERS_MAX: usize = 2;

/// How a content is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Zip,
}

impl Packing {
    /// Told by the first bytes (RFC 1952, RFC 8878, the bzip2 and xz formats, APPNOTE 4.3.7).
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 8, ..] => Packing::Gzip,
            // A frame, or one of the frames to skip that parallel compressors start with.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
            // The three letters alone could start a text.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90] => Packing::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Packing::Xz,
            [b'P', b'K', 3, 4, ..] => Packing::Zip,
            _ => Packing::Plain,
        }
    }
}

/// The content of the request's file, decompressed: gzip, zstd, bzip2 and xz with all their members, frames and
/// streams, and members of zip archives. `progress` is told the bytes read of the file as it lies on the disk, and its
/// size at the end. Memory is bounded whatever the file says: zstd windows by 128 MiB, xz by 256 MiB.
///
/// A reader's error is to be given to [`read_failed`], which tells a damaged file from a disk that fails.
pub(super) fn open<'a>(request: &'a LandRequest<'_>, progress: &'a dyn Fn(u64)) -> Result<Box<dyn Read + 'a>> {
    let (file, stamp) = request.open_file()?;
    let file_bytes = stamp.bytes();
    let allowed_bytes = file_bytes
        .saturating_mul(request.limits.unpacked_max_ratio)
        .max(UNPACKED_FREE_BYTES);
    let disk = Disk {
        file,
        read_bytes: 0,
        packed_bytes: file_bytes,
        file_bytes,
        progress,
    };
    let content: Box<dyn Read + 'a> = match &request.file.member {
        None => Box::new(disk),
        Some(member) => open_member(request, disk, member)?,
    };
    Ok(Box::new(UntilEnd {
        content: unpacked(request, content)?,
        // Plain bytes are never more than the file has, or it changed and is refused for that.
        left_bytes: allowed_bytes,
        file_bytes,
        progress,
    }))
}

/// The content as [`open`] gives it, in memory.
///
/// # Errors
/// If it has more than `max_bytes` unpacked, or cannot be read.
pub(super) fn whole(request: &LandRequest<'_>, max_bytes: usize, progress: &dyn Fn(u64)) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(request, progress)?
        .take((max_bytes as u64).saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| read_failed(request, error))?;
    if bytes.len() > max_bytes {
        let message = format!("it has more than {} MiB unpacked", max_bytes >> 20);
        return Err(request.wrong(
            None,
            message,
            "split it, or save it in a format that is read row by row",
        ));
    }
    Ok(bytes)
}

/// At most `bytes_max` bytes of the content as `open` gives it, from an offset on.
///
/// # Errors
/// When the file cannot be read.
pub fn bytes_at(request: &LandRequest<'_>, offset: u64, bytes_max: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let failed = |error| read_failed(request, error);
    if let Some(mut file) = open_plain(request)? {
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        file.take(bytes_max as u64).read_to_end(&mut bytes).map_err(failed)?;
        return Ok(bytes);
    }
    let mut content = open(request, &|_| ())?;
    io::copy(&mut content.by_ref().take(offset), &mut io::sink()).map_err(failed)?;
    content.take(bytes_max as u64).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The request's file itself, if it is not packed, for formats that read here and there in it.
pub(super) fn open_plain(request: &LandRequest<'_>) -> Result<Option<File>> {
    let path = &request.file.path;
    if request.file.member.is_some() {
        return Ok(None);
    }
    let (mut file, _) = request.open_file()?;
    let head = head(&mut file).map_err(Error::file(path))?;
    file.rewind().map_err(Error::file(path))?;
    Ok((Packing::of(&head) == Packing::Plain).then_some(file))
}

/// The error for a reader of [`open`] that failed: about the file's content, or about the disk.
pub(super) fn read_failed(request: &LandRequest<'_>, error: io::Error) -> Error {
    // What the system reports has its number; what a decoder reports has none.
    if error.raw_os_error().is_some() {
        return Error::file(&request.file.path)(error);
    }
    // Readers in between may have wrapped it.
    if error.to_string().contains(SWOLLEN) {
        let ratio = request.limits.unpacked_max_ratio;
        let message = format!("it unpacks to more than {ratio} times its size, and to more than 256 MiB");
        return request.wrong(
            None,
            message,
            "if it is what it should be, raise `limits.unpacked_max_ratio`",
        );
    }
    let message = format!("its compressed data are damaged or cut off: {error}");
    request.wrong(
        None,
        message,
        "make the file again, and check that it was copied to its end",
    )
}

/// Takes off what a content is packed in.
fn unpacked<'a>(request: &LandRequest<'_>, mut content: Box<dyn Read + 'a>) -> Result<Box<dyn Read + 'a>> {
    for _ in 0..LAYERS_MAX {
        let head = head(&mut content).map_err(|error| read_failed(request, error))?;
        let packing = Packing::of(&head);
        let whole = Cursor::new(head).chain(content);
        content = match packing {
            Packing::Plain => return Ok(Box::new(whole)),
            // A workbook is a zip archive itself.
            Packing::Zip if request.format == Format::Xlsx => return Ok(Box::new(whole)),
            Packing::Zip => {
                let hint = "unpack it, and name the files in `path`";
                return Err(request.wrong(None, "it is a zip archive within another file", hint));
            }
            Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(whole)),
            Packing::Zstd => Box::new(zstd::Decoder::new(whole).map_err(|error| read_failed(request, error))?),
            Packing::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(whole)),
            Packing::Xz => {
                let buffered = BufReader::with_capacity(CHUNK_BYTES, whole);
                Box::new(lzma_rust2::XzReader::new_mem_limit(buffered, true, XZ_MEMORY_MAX_KIB))
            }
        };
    }
    Ok(content)
}

/// The first bytes, fewer only at the end.
fn head(content: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(SIGNATURE_MAX_BYTES);
    content.take(SIGNATURE_MAX_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// A member of the zip archive that the request's file is.
fn open_member<'a>(request: &LandRequest<'_>, mut disk: Disk<'a>, member: &str) -> Result<Box<dyn Read + 'a>> {
    let hint = "make the archive again, and check that it was copied to its end";
    let broken =
        |error: &dyn std::fmt::Display| request.wrong(None, format!("the zip archive cannot be read: {error}"), hint);
    let mut archive = ZipArchive::new(BufReader::new(&disk.file)).map_err(|error| broken(&error))?;
    let index = archive.index_for_name(member).ok_or_else(|| request.changed())?;
    let entry = archive.by_index_raw(index).map_err(|error| broken(&error))?;
    if entry.encrypted() {
        let hint = "unpack the archive, or make it without a password";
        return Err(request.wrong(None, "this member of the archive is encrypted", hint));
    }
    let start = entry.data_start().ok_or_else(|| broken(&"a member has no place"))?;
    let (method, packed_bytes) = (entry.compression(), entry.compressed_size());
    let (left_bytes, expected) = (entry.size(), entry.crc32());
    drop(entry);
    let path = &request.file.path;
    disk.file.seek(SeekFrom::Start(start)).map_err(Error::file(path))?;
    disk.packed_bytes = packed_bytes;
    let packed = disk.take(packed_bytes);
    let content: Box<dyn Read + 'a> = match method {
        CompressionMethod::Stored => Box::new(packed),
        CompressionMethod::Deflated => Box::new(flate2::read::DeflateDecoder::new(packed)),
        other => {
            let hint = "make the archive with the method deflate, or unpack it";
            return Err(request.wrong(None, format!("it is packed with {other}, which is not read"), hint));
        }
    };
    Ok(Box::new(Checked {
        content,
        left_bytes,
        crc: Crc::new(),
        expected,
    }))
}

/// The file on the disk, or the part of it that is a member: `packed_bytes` of them stand for the whole file.
struct Disk<'a> {
    file: File,
    read_bytes: u64,
    packed_bytes: u64,
    file_bytes: u64,
    progress: &'a dyn Fn(u64),
}

impl Read for Disk<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read_bytes += count as u64;
        let share = u128::from(self.read_bytes) * u128::from(self.file_bytes) / u128::from(self.packed_bytes.max(1));
        (self.progress)((share as u64).min(self.file_bytes));
        Ok(count)
    }
}

/// Why a content is not read on.
const SWOLLEN: &str = "it unpacks to more than `limits.unpacked_max_ratio` allows";

/// Tells the end, and stops a content that grows beyond all measure.
struct UntilEnd<'a> {
    content: Box<dyn Read + 'a>,
    left_bytes: u64,
    file_bytes: u64,
    progress: &'a dyn Fn(u64),
}

impl Read for UntilEnd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            (self.progress)(self.file_bytes);
        }
        let left_bytes = self.left_bytes.checked_sub(count as u64);
        self.left_bytes = left_bytes.ok_or_else(|| io::Error::other(SWOLLEN))?;
        Ok(count)
    }
}

/// A member of a zip archive, held against the size and checksum that the archive names.
struct Checked<'a> {
    content: Box<dyn Read + 'a>,
    left_bytes: u64,
    crc: Crc,
    expected: u32,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        let wrong = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        let Some(left_bytes) = self.left_bytes.checked_sub(count as u64) else {
            return wrong("it has more bytes than the archive says");
        };
        self.left_bytes = left_bytes;
        self.crc.update(&buffer[..count]);
        if count == 0 && !buffer.is_empty() {
            if left_bytes > 0 {
                return wrong("it has fewer bytes than the archive says");
            }
            if self.crc.sum() != self.expected {
                return wrong("its checksum is not the one in the archive");
            }
        }
        Ok(count)
    }
}
