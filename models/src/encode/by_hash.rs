//! Tables whose keys are hashes already.

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

/// Passes a key through.
#[derive(Default, Clone)]
pub(super) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 keys are hashed")
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// A table by the hash of a gram.
pub(super) type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Identity>>;
