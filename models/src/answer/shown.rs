//! The passages as answers show them: cut from pages, and kept beside the index as arrays of bytes.

use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};
use crate::text::sentences;

/// What is shown of a passage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// Its text, or the question that led to it if there is none.
    pub text: String,
    /// The heading over it.
    pub heading: String,
    /// Where it stands.
    pub link: String,
}

/// Cuts a text at the ends of sentences into pieces of at most `most` characters; a longer sentence stays whole. One empty
/// piece of an empty text.
pub(super) fn pieces(text: &str, most: usize) -> Vec<&str> {
    let text = text.trim();
    if text.chars().take(most + 1).count() <= most {
        return vec![text];
    }
    let mut pieces = Vec::new();
    let (mut start, mut end, mut chars) = (0, 0, 0);
    for sentence in sentences(text) {
        let at = end + text[end..].find(sentence).unwrap_or_default();
        let own = sentence.chars().count();
        if end > start && chars + own > most {
            pieces.push(text[start..end].trim());
            (start, chars) = (at, 0);
        }
        end = at + sentence.len();
        chars += own;
    }
    pieces.push(text[start..].trim());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

const FIELDS: [&str; 3] = ["shown.texts", "shown.headings", "shown.links"];

/// The arrays to store.
pub(super) fn tensors(shown: &[Shown]) -> Vec<(String, Tensor)> {
    let fields: [fn(&Shown) -> &str; 3] = [|one| &one.text, |one| &one.heading, |one| &one.link];
    let mut tensors = Vec::new();
    for (name, of) in FIELDS.iter().zip(fields) {
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(shown.len());
        for one in shown {
            bytes.extend_from_slice(of(one).as_bytes());
            ends.push(bytes.len() as u32);
        }
        tensors.push((format!("{name}.ends"), Tensor::U32(ends)));
        tensors.push(((*name).to_owned(), Tensor::U8(bytes)));
    }
    tensors
}

/// Takes what [`tensors`] made out of an artifact, for so many passages.
///
/// # Errors
/// When arrays are missing, are no texts, or do not fit.
pub(super) fn take(artifact: &mut Artifact, passages: usize) -> Result<Vec<Shown>> {
    let mut fields = Vec::new();
    for name in FIELDS {
        let ends = artifact.take_u32(&format!("{name}.ends"))?;
        let texts = artifact.take_u8(name)?;
        let wrong = |message: &str| Error::artifact(name, message);
        let texts = String::from_utf8(texts).map_err(|_| wrong("is not UTF-8"))?;
        if ends.len() != passages || ends.last().is_some_and(|end| *end as usize != texts.len()) {
            return Err(wrong("does not fit the passages"));
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let cut = starts
            .zip(&ends)
            .map(|(start, end)| texts.get(start as usize..*end as usize));
        let cut: Option<Vec<String>> = cut.map(|text| text.map(str::to_owned)).collect();
        fields.push(cut.ok_or_else(|| wrong("has ends that are none"))?.into_iter());
    }
    let mut next = |at: usize| fields[at].next().unwrap_or_default();
    let shown = (0..passages).map(|_| Shown {
        text: next(0),
        heading: next(1),
        link: next(2),
    });
    Ok(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_cut_between_sentences_and_nothing_is_lost() {
        let page = "Open the order. Choose return and say why. 打开订单。选择退货。 Print the label! Done";
        for most in [10, 20, 40, 1000] {
            let pieces = pieces(page, most);
            let together = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(together(&pieces.concat()), together(page), "{most}");
            let is_short = |piece: &&str| piece.chars().count() <= most || sentences(piece).len() == 1;
            assert!(pieces.iter().all(is_short), "{most}: {pieces:?}");
        }
        assert_eq!(pieces(page, 1000).len(), 1);
        assert_eq!(pieces("  ", 10), [""]);
    }
}
