//! From proposals that may overlap to spans that do not.

use super::Found;
use super::view::OPAQUE;

/// The proposals to keep, in order and apart. Of two that overlap the more certain one stays, then the longer, then the
/// earlier; a proposal that reaches over something masked already never does.
pub(super) fn resolve(text: &str, mut found: Vec<Found>) -> Vec<Found> {
    found.retain(|f| f.start < f.end && !text[f.start..f.end].contains(OPAQUE));
    found.sort_by_key(|f| (f.start, std::cmp::Reverse(f.end)));
    let mut kept: Vec<Found> = Vec::with_capacity(found.len());
    for next in found {
        let weaker = kept.iter().rev().take_while(|last| last.end > next.start).count();
        let rivals = &kept[kept.len() - weaker..];
        if rivals.iter().all(|rival| rank(&next) > rank(rival)) {
            kept.truncate(kept.len() - weaker);
            kept.push(next);
        }
    }
    kept
}

fn rank(found: &Found) -> (u8, usize) {
    (found.certainty, found.end - found.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::pii::PiiType;

    #[test]
    fn the_more_certain_then_the_longer_stays() {
        let at = |start, end, certainty| Found {
            start,
            end,
            kind: PiiType::Phone,
            certainty,
        };
        let kept = resolve(
            "0123456789",
            vec![at(0, 4, 1), at(2, 6, 2), at(2, 5, 2), at(6, 8, 1), at(7, 10, 1)],
        );
        let places: Vec<_> = kept.iter().map(|f| (f.start, f.end)).collect();
        assert_eq!(places, [(2, 6), (7, 10)]);
        assert!(resolve("0\u{1}2", vec![at(0, 3, 9)]).is_empty());
    }
}
