//! What was said before as features of their own: the same word said earlier is another feature than said now. Whole
//! words only, in a block of its own length, so that a long conversation does not outweigh the text.

use super::super::grams::{GramSettings, context_hash, context_name, visit_grams};
use super::super::parallel::map_chunks;
use super::super::sparse::SparseRows;
use super::super::vocabulary::VocabularyBuilder;
use super::NgramEncoder;

/// Pairs and characters of earlier turns add nothing: measured on two data sets of conversations.
const WORDS_ONLY: GramSettings = GramSettings {
    words_max: 1,
    chars_min: 1,
    chars_max: 0,
    near_max: 0,
    words_weight: 1.0,
};

impl VocabularyBuilder {
    /// Counts the contexts of texts that [`Self::count`] has counted.
    pub fn count_contexts(&mut self, contexts: &[String], threads: usize) {
        self.count_named(contexts, (threads, WORDS_ONLY), |hash, name| {
            (context_hash(hash), context_name(name))
        });
    }
}

impl NgramEncoder {
    /// Appends the features of a prepared context to an encoded row, scaled to the length `weight`.
    pub fn add_context(&self, context: &str, weight: f32, row: &mut Vec<(u32, f32)>) {
        if context.is_empty() {
            return;
        }
        let mut features = Vec::new();
        visit_grams(context, WORDS_ONLY, self.chinese, |hash, _| {
            features.extend(self.slots.get(&context_hash(hash)));
        });
        let mut block = Vec::with_capacity(features.len());
        self.weigh(&mut features, &mut block);
        row.extend(block.into_iter().map(|(feature, value)| (feature, value * weight)));
        row.sort_unstable_by_key(|pair| pair.0);
    }

    /// Encodes a batch of prepared texts with their prepared contexts, rows in order.
    pub fn encode_all_in_context(
        &self,
        texts: &[String],
        contexts: &[String],
        weight: f32,
        threads: usize,
    ) -> SparseRows {
        let pairs: Vec<(&String, &String)> = texts.iter().zip(contexts).collect();
        let parts = map_chunks(&pairs, threads, |part| {
            let mut rows = SparseRows::default();
            let mut row = Vec::new();
            for (text, context) in part {
                self.encode(text, &mut row);
                self.add_context(context, weight, &mut row);
                rows.push(&row);
            }
            rows
        });
        let mut all = SparseRows::default();
        parts.iter().for_each(|part| all.append(part));
        all
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::vocabulary::VocabularyLimits;
    use super::*;

    fn encoder() -> NgramEncoder {
        let settings = GramSettings {
            words_max: 2,
            chars_min: 2,
            chars_max: 3,
            near_max: 10,
            words_weight: 0.6,
        };
        let limits = VocabularyLimits {
            rows_min: 1,
            features_max: 1000,
            chars_rows_max: 1000,
            memory_max_bytes: 1 << 20,
        };
        let mut builder = VocabularyBuilder::new(settings, limits);
        builder.count(&["refund it".to_owned(), "我要退款".to_owned()], 1);
        builder.count_contexts(&["refund my order".to_owned(), "订单".to_owned()], 1);
        builder.finish()
    }

    #[test]
    fn a_word_said_before_is_another_feature() {
        let encoder = encoder();
        let (mut now, mut before) = (Vec::new(), Vec::new());
        encoder.encode("refund", &mut now);
        encoder.add_context("refund", 0.5, &mut before);
        let [(feature, value)] = before[..] else {
            panic!("{before:?}")
        };
        assert_eq!(&*encoder.names[feature as usize], "\u{2}refund");
        assert!(now.iter().all(|pair| pair.0 != feature) && (value - 0.5).abs() < 1e-6);
    }

    #[test]
    fn a_block_of_context_has_its_own_length_and_an_empty_one_changes_nothing() {
        let encoder = encoder();
        let length = |row: &[(u32, f32)]| row.iter().map(|pair| pair.1 * pair.1).sum::<f32>();
        let (mut alone, mut row) = (Vec::new(), Vec::new());
        encoder.encode("refund it 退款", &mut alone);
        row.clone_from(&alone);
        encoder.add_context("", 0.5, &mut row);
        assert_eq!(row, alone);
        encoder.add_context("my order my 订单", 0.5, &mut row);
        assert!(row.is_sorted_by_key(|pair| pair.0));
        assert!((length(&row) - length(&alone) - 0.25).abs() < 1e-5);
    }
}
