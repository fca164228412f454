//! Second thoughts on a guessed encoding of one byte a letter: two that browsers hardly meet and files often are in.
//! They are told by the bytes that a language's alphabet takes there and nowhere else.

use encoding_rs::{Encoding, WINDOWS_1250, WINDOWS_1252, X_MAC_CYRILLIC};

/// Fewer letters beyond ASCII are no evidence.
const LETTERS_MIN: usize = 8;

/// The encoding that the bytes speak for more clearly than for the guess; else the guess.
pub(super) fn instead_of(guess: &'static Encoding, sample: &[u8]) -> &'static Encoding {
    let letters = Letters::of(sample);
    if guess.is_single_byte() && letters.are_mac_cyrillic() {
        X_MAC_CYRILLIC
    } else if guess == WINDOWS_1252 && letters.are_hungarian() {
        WINDOWS_1250
    } else {
        guess
    }
}

/// How often each byte comes, and how often behind another byte of 0xE0 to 0xFE.
struct Letters {
    count: [usize; 256],
    in_word: [usize; 256],
}

impl Letters {
    fn of(sample: &[u8]) -> Self {
        let mut letters = Self {
            count: [0; 256],
            in_word: [0; 256],
        };
        let mut before = 0;
        for &byte in sample {
            letters.count[usize::from(byte)] += 1;
            letters.in_word[usize::from(byte)] += usize::from((0xe0..0xff).contains(&before));
            before = byte;
        }
        letters
    }

    fn sum(&self, range: std::ops::RangeInclusive<usize>) -> usize {
        self.count[range].iter().sum()
    }

    /// Small letters are at 0xE0 to 0xFE, as in windows-1251, but the one for `ya`, which is at 0xDF and not at 0xFF;
    /// capitals are at 0x80 and not at 0xC0. Greek and Hebrew have small letters there too, but use 0xDC to 0xDE or
    /// never 0xDF.
    fn are_mac_cyrillic(&self) -> bool {
        let small = self.sum(0xe0..=0xfe);
        let pairs: usize = self.in_word[0xe0..=0xfe].iter().sum();
        let ya = self.in_word[0xdf];
        small >= LETTERS_MIN
            && 2 * pairs >= small
            && 2 * small >= self.sum(0x80..=0xff)
            && ya > 4 * self.count[0xff]
            && 100 * ya >= small
            && 20 * self.sum(0xc0..=0xde) <= small
    }

    /// Hungarian is as good in windows-1252 but for two letters, which are at 0xF5 and 0xFB. There windows-1252 has
    /// letters of Portuguese, Estonian and French, which have others beside them that Hungarian has not.
    fn are_hungarian(&self) -> bool {
        const SMALL: [usize; 9] = [0xe1, 0xe9, 0xed, 0xf3, 0xf6, 0xf5, 0xfa, 0xfc, 0xfb];
        let own: usize = SMALL
            .iter()
            .map(|&letter| self.count[letter] + self.count[letter - 0x20])
            .sum();
        let double_acute = [0xf5, 0xfb, 0xd5, 0xdb]
            .iter()
            .map(|&letter: &usize| self.count[letter])
            .sum::<usize>();
        let acute = self.count[0xe1] + self.count[0xe9];
        own >= LETTERS_MIN && 50 * own >= 49 * self.sum(0xc0..=0xff) && 50 * double_acute >= own && 3 * acute >= own
    }
}
