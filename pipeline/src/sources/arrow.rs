//! Arrow IPC, the stream format and the file format (Feather), which is a stream between two marks. Messages are read one
//! by one, each held against bounds before it is decoded: a damaged length must not take memory that is not there. Values
//! become text as `values.rs` has it; a file that is not whole cannot be read at all.

use std::io::{self, Read};

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::{Message, root_as_message};

use super::LandRequest;
use super::columns::check_names;
use super::landing::{BATCH_BYTES, BATCH_ROWS};
use super::open::{open, read_failed};
use super::values::{Batches, broken, names};
use crate::error::{Error, Result};

/// How a file starts and ends; the start is padded to 8 bytes.
const FILE_MARK: &[u8] = b"ARROW1";
const FILE_START_BYTES: usize = 8;
/// What stands before the length of a message since format version 5.
const CONTINUATION: u32 = u32::MAX;
/// A message of no length: the end of a stream.
const END: [u8; 8] = [255, 255, 255, 255, 0, 0, 0, 0];
/// Writers pad the start of a file to as much as this.
const PADDING_MAX_BYTES: usize = 128;
/// The longest description of a message.
const METADATA_MAX_BYTES: u32 = 64 << 20;
/// The largest message: a batch of rows, or a dictionary, unpacked. It is in memory at once.
const BODY_MAX_BYTES: u64 = 512 << 20;
/// What is read at once behind the last message.
const CHUNK_BYTES: u64 = 64 * 1024;
/// Rows that need no bytes (all null) are believed up to so many a batch.
const FREE_ROWS_MAX: u64 = 1 << 20;

/// Reads an Arrow IPC file; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    let mut messages = Messages::open(request, progress)?;
    let mut decoder = StreamDecoder::new();
    let mut batches: Option<Batches<'_>> = None;
    let mut is_over = false;
    while !is_over {
        let message = messages.next()?;
        is_over = message.is_none();
        // The decoder looks at a message without a body when something comes behind it.
        let mut message = Buffer::from_vec(message.unwrap_or_else(|| END.to_vec()));
        let error = |batches: &Option<Batches<'_>>, error: &dyn std::fmt::Display| match batches {
            Some(batches) => batches.broken(error),
            None => broken(request, None, error),
        };
        while !message.is_empty() {
            let batch = decoder.decode(&mut message).map_err(|wrong| error(&batches, &wrong))?;
            let Some(batch) = batch else { continue };
            let batches = match &mut batches {
                Some(batches) => batches,
                none => none.insert(start(request, &batch)?),
            };
            land_in_parts(batches, &batch)?;
        }
    }
    match (batches, decoder.schema()) {
        (Some(batches), _) => batches.close(),
        (None, Some(schema)) => {
            let names = names(&schema);
            check_names(request, &names, None)?;
            Batches::create(request, names)?.close()
        }
        (None, None) => Err(broken(request, None, &"it has no schema")),
    }
}

fn start<'a>(request: &'a LandRequest<'a>, batch: &RecordBatch) -> Result<Batches<'a>> {
    let names = names(&batch.schema());
    check_names(request, &names, None)?;
    Batches::create(request, names)
}

/// Batches are as large as their writer liked; their text is made bit by bit.
fn land_in_parts(batches: &mut Batches<'_>, batch: &RecordBatch) -> Result<()> {
    let row_bytes = batch.get_array_memory_size() / batch.num_rows().max(1);
    let part_rows = (BATCH_BYTES / row_bytes.max(1)).clamp(1, BATCH_ROWS);
    for from in (0..batch.num_rows()).step_by(part_rows) {
        batches.land(&batch.slice(from, part_rows.min(batch.num_rows() - from)))?;
    }
    Ok(())
}

/// The messages of a stream.
struct Messages<'a> {
    request: &'a LandRequest<'a>,
    content: Box<dyn Read + 'a>,
    /// Bytes that were read to tell the format.
    head: Vec<u8>,
    is_file: bool,
    /// Zeros that may still stand before the first message.
    padding_bytes: usize,
    is_over: bool,
}

impl<'a> Messages<'a> {
    fn open(request: &'a LandRequest<'a>, progress: &'a dyn Fn(u64)) -> Result<Self> {
        let mut messages = Self {
            request,
            content: open(request, progress)?,
            head: Vec::new(),
            is_file: false,
            padding_bytes: 0,
            is_over: false,
        };
        let head = messages.take(FILE_START_BYTES as u64)?;
        if head.is_empty() {
            return Err(request.empty());
        }
        messages.is_file = head.len() == FILE_START_BYTES && head.starts_with(FILE_MARK);
        if messages.is_file {
            messages.padding_bytes = PADDING_MAX_BYTES;
        } else {
            messages.head = head;
        }
        Ok(messages)
    }

    /// The next message in whole, with its length before it; none at the end.
    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.is_over {
            return Ok(None);
        }
        let mut message = self.take(4)?;
        while self.padding_bytes > 0 && message == [0; 4] {
            self.padding_bytes -= 4;
            message = self.take(4)?;
        }
        self.padding_bytes = 0;
        if message.is_empty() && !self.is_file {
            // A stream may end without saying so.
            return self.end();
        }
        let mut length = self.length(&message)?;
        if length == CONTINUATION {
            let more = self.take(4)?;
            length = self.length(&more)?;
            message.extend(more);
        }
        if length == 0 {
            return self.end();
        }
        if length > METADATA_MAX_BYTES {
            return Err(self.broken("the description of a message is longer than any"));
        }
        let metadata = self.take(u64::from(length))?;
        if metadata.len() < length as usize {
            return Err(self.broken("it is cut off"));
        }
        let about = root_as_message(&metadata).map_err(|error| self.broken(&error.to_string()))?;
        let body_bytes = u64::try_from(about.bodyLength()).unwrap_or(u64::MAX);
        if body_bytes > BODY_MAX_BYTES {
            return Err(self.too_large());
        }
        let body = self.take(body_bytes)?;
        if (body.len() as u64) < body_bytes {
            return Err(self.broken("it is cut off"));
        }
        self.check(about, &body)?;
        message.extend(metadata);
        message.extend(body);
        Ok(Some(message))
    }

    /// Holds what a message says about itself against its body.
    fn check(&self, about: Message<'_>, body: &[u8]) -> Result<()> {
        let batch = match about.header_as_dictionary_batch() {
            Some(dictionary) => dictionary.data(),
            None => about.header_as_record_batch(),
        };
        let Some(batch) = batch else { return Ok(()) };
        let mut unpacked_bytes = body.len() as u64;
        if batch.compression().is_some() {
            for buffer in batch.buffers().iter().flatten() {
                // Each buffer starts with its length, unpacked; -1 says that it is not packed.
                let start = usize::try_from(buffer.offset())
                    .ok()
                    .and_then(|at| body.get(at..)?.first_chunk());
                let Some(length) = start.filter(|_| buffer.length() >= 8) else {
                    continue;
                };
                let length = u64::try_from(i64::from_le_bytes(*length)).unwrap_or_default();
                unpacked_bytes = unpacked_bytes.saturating_add(length);
            }
        }
        if unpacked_bytes > BODY_MAX_BYTES {
            return Err(self.too_large());
        }
        let rows = u64::try_from(batch.length()).unwrap_or(u64::MAX);
        if rows > unpacked_bytes * 8 + FREE_ROWS_MAX {
            return Err(self.broken("a batch has more rows than there are bits in it"));
        }
        Ok(())
    }

    /// Reads what stands behind the last message.
    fn end(&mut self) -> Result<Option<Vec<u8>>> {
        self.is_over = true;
        let mut tail: Vec<u8> = Vec::new();
        loop {
            let chunk = self.take(CHUNK_BYTES)?;
            if chunk.is_empty() {
                break;
            }
            tail.extend(chunk);
            tail.drain(..tail.len().saturating_sub(FILE_MARK.len()));
        }
        match self.is_file && tail != FILE_MARK {
            true => Err(self.broken("it is cut off")),
            false => Ok(None),
        }
    }

    /// So many bytes, fewer only at the end of the file. Memory follows what there is, not what was said.
    fn take(&mut self, bytes: u64) -> Result<Vec<u8>> {
        let mut taken = Vec::new();
        let held = self.head.len().min(bytes as usize);
        taken.extend(self.head.drain(..held));
        let more: io::Result<usize> = self.content.by_ref().take(bytes - held as u64).read_to_end(&mut taken);
        more.map_err(|error| read_failed(self.request, error))?;
        Ok(taken)
    }

    fn length(&self, bytes: &[u8]) -> Result<u32> {
        match bytes.first_chunk() {
            Some(length) => Ok(u32::from_le_bytes(*length)),
            None => Err(self.broken("it is cut off")),
        }
    }

    fn broken(&self, why: &str) -> Error {
        broken(self.request, None, &why)
    }

    fn too_large(&self) -> Error {
        let message = format!("a batch of it has more than {} MiB, unpacked", BODY_MAX_BYTES >> 20);
        self.request.wrong(None, message, "write it with fewer rows a batch")
    }
}
