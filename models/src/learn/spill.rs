//! Blocks of encoded rows in a temporary file, so that a text is prepared and cut once, however often its row is learned.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use super::linear::{Block, Blocks};
use crate::encode::SparseRows;
use crate::error::{Error, Result};

/// Blocks in a file without a name in the system's folder for temporary files (`TMPDIR`): it goes when this does, also
/// when the process is killed. It holds numbers of features, no text. Values keep 8 significant bits.
pub struct SpilledBlocks {
    file: File,
    blocks: Vec<Place>,
}

struct Place {
    start: u64,
    rows: usize,
    entries: usize,
    more: usize,
}

impl SpilledBlocks {
    /// An empty file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        Ok(Self {
            file: tempfile::tempfile().map_err(failed)?,
            blocks: Vec::new(),
        })
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there is no block.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Appends a block.
    ///
    /// # Errors
    /// When the file cannot be written, for instance because the disk is full.
    pub fn push(&mut self, block: &Block) -> Result<()> {
        let rows = block.rows.len();
        let lengths = (0..rows).map(|row| block.rows.row(row).0.len() as u32);
        let mut bytes = Vec::with_capacity(rows * 12 + block.rows.size_bytes());
        lengths.for_each(|length| bytes.extend(length.to_le_bytes()));
        block
            .targets
            .iter()
            .for_each(|target| bytes.extend(target.to_le_bytes()));
        block
            .weights
            .iter()
            .for_each(|weight| bytes.extend(weight.to_le_bytes()));
        let mut entries = 0;
        for row in 0..rows {
            let features = block.rows.row(row).0;
            features.iter().for_each(|feature| bytes.extend(feature.to_le_bytes()));
            entries += features.len();
        }
        for row in 0..rows {
            let values = block.rows.row(row).1;
            values
                .iter()
                .for_each(|value| bytes.extend(shorten(*value).to_le_bytes()));
        }
        for (row, class) in &block.more {
            bytes.extend(row.to_le_bytes());
            bytes.extend(class.to_le_bytes());
        }
        let more = block.more.len();
        let start = self.file.seek(SeekFrom::End(0)).map_err(failed)?;
        self.file.write_all(&bytes).map_err(failed)?;
        self.blocks.push(Place {
            start,
            rows,
            entries,
            more,
        });
        Ok(())
    }

    fn read(&self, place: &Place, bytes: &mut Vec<u8>) -> Result<Block> {
        bytes.resize(place.rows * 12 + place.entries * 6 + place.more * 8, 0);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(place.start)).map_err(failed)?;
        file.read_exact(bytes).map_err(failed)?;
        let (lengths, rest) = bytes.split_at(place.rows * 4);
        let (targets, rest) = rest.split_at(place.rows * 4);
        let (weights, rest) = rest.split_at(place.rows * 4);
        let (features, rest) = rest.split_at(place.entries * 4);
        let (values, more) = rest.split_at(place.entries * 2);
        let whole = |bytes: &[u8]| {
            bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| u32::from_le_bytes(*b))
                .collect::<Vec<_>>()
        };
        let values = values.as_chunks::<2>().0.iter();
        let more = whole(more);
        Ok(Block {
            rows: SparseRows::from_parts(
                whole(lengths).into_iter().map(|length| length as usize),
                whole(features),
                values.map(|b| lengthen(u16::from_le_bytes(*b))).collect(),
            ),
            targets: whole(targets),
            more: more
                .as_chunks::<2>()
                .0
                .iter()
                .map(|[row, class]| (*row, *class))
                .collect(),
            weights: whole(weights).into_iter().map(f32::from_bits).collect(),
        })
    }
}

impl Blocks for SpilledBlocks {
    fn for_each(&self, visit: &mut dyn FnMut(usize, &Block) -> Result<()>) -> Result<()> {
        let mut bytes = Vec::new();
        for (at, place) in self.blocks.iter().enumerate() {
            visit(at, &self.read(place, &mut bytes)?)?;
        }
        Ok(())
    }
}

fn failed(source: std::io::Error) -> Error {
    Error::File {
        path: std::env::temp_dir(),
        source,
    }
}

/// The upper half of a float, rounded: sign, exponent and 8 significant bits.
fn shorten(value: f32) -> u16 {
    ((value.to_bits() + 0x8000) >> 16) as u16
}

fn lengthen(short: u16) -> f32 {
    f32::from_bits(u32::from(short) << 16)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn blocks_come_back_in_order() {
        let mut spilled = SpilledBlocks::new().unwrap();
        for at in 0..3u32 {
            let mut block = Block::default();
            for row in 0..at * 2 + 1 {
                let pairs: Vec<(u32, f32)> = (0..row).map(|i| (i * 1000 + at, 0.37 / (i as f32 + 1.0))).collect();
                block.rows.push(&pairs);
                block.push_classes(&[row % 2, 7 + row][..1 + row as usize % 2]);
                block.weights.push(row as f32 + 0.3);
            }
            spilled.push(&block).unwrap();
        }
        for _ in 0..2 {
            let mut seen = 0;
            spilled
                .for_each(&mut |at, block| {
                    assert_eq!(block.rows.len(), at * 2 + 1);
                    assert_eq!(block.more.len(), at);
                    for row in 0..block.rows.len() {
                        assert_eq!(block.classes(row).nth(1), (row % 2 == 1).then_some(7 + row as u32));
                        let (features, values) = block.rows.row(row);
                        assert_eq!(features.len(), row);
                        for (i, (feature, value)) in features.iter().zip(values).enumerate() {
                            assert_eq!(*feature as usize, i * 1000 + at);
                            assert!((value * (i as f32 + 1.0) / 0.37 - 1.0).abs() < 0.004);
                        }
                        assert_eq!(
                            (block.targets[row], block.weights[row]),
                            (row as u32 % 2, row as f32 + 0.3)
                        );
                    }
                    seen += 1;
                    Ok(())
                })
                .unwrap();
            assert_eq!(seen, 3);
        }
    }
}
