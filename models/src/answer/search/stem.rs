//! Light stemming of English words: the endings of numbers, times and forms go, nothing else (in the manner of Harman,
//! JASIS 1991, and of the first step of Porter, Program 1980). Not a full stemmer: `universal` and `university` stay two
//! words, and so does all that is not English.

/// A word shorter than this is its own stem.
const LETTERS_MIN: usize = 4;

/// The stem of a lower-case word; words with other letters than a to z are their own.
pub(super) fn stem(word: &str) -> String {
    let mut stem = word.to_owned();
    if word.len() < LETTERS_MIN || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return stem;
    }
    cut_plural(&mut stem);
    cut_form(&mut stem);
    // `charge` and `charging`, `apply` and `applied` meet without their last letter.
    if stem.len() >= LETTERS_MIN && stem.ends_with('e') {
        stem.pop();
    } else if stem.len() >= LETTERS_MIN && stem.ends_with('y') {
        stem.pop();
        stem.push('i');
    }
    stem
}

fn cut_plural(word: &mut String) {
    let cut = if word.ends_with("sses") {
        2
    } else if word.ends_with("ies") && word.len() > LETTERS_MIN {
        word.truncate(word.len() - 3);
        word.push('y');
        0
    } else {
        usize::from(word.ends_with('s') && !["ss", "us", "is"].iter().any(|end| word.ends_with(end)))
    };
    word.truncate(word.len() - cut);
}

/// Takes `ing` and `ed` off where a whole word is left.
fn cut_form(word: &mut String) {
    let Some(left) = ["ing", "ed"].iter().find_map(|end| word.strip_suffix(end)) else {
        return;
    };
    let is_word = left.len() >= 3
        && left
            .bytes()
            .any(|b| matches!(b, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'));
    if !is_word {
        return;
    }
    let bytes = left.as_bytes();
    let last = bytes[bytes.len() - 1];
    // `stopped` is of `stop`; `called` is of `call`.
    let doubled = left.len() > 3 && last == bytes[bytes.len() - 2] && !matches!(last, b'l' | b's' | b'z');
    let length = left.len() - usize::from(doubled);
    word.truncate(length);
    // `applied` leaves `appli`, which `apply` becomes, too.
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn forms_of_a_word_meet() {
        for forms in [
            &["charge", "charges", "charged", "charging"][..],
            &["apply", "applies", "applied", "applying"],
            &["stop", "stops", "stopped", "stopping"],
            &["address", "addresses"],
            &["call", "calls", "called", "calling"],
        ] {
            let stems: Vec<String> = forms.iter().map(|form| stem(form)).collect();
            assert!(stems.windows(2).all(|pair| pair[0] == pair[1]), "{stems:?}");
        }
    }

    #[test]
    fn other_words_stay() {
        for word in [
            "bus", "this", "status", "pin", "red", "café", "don't", "<email>", "a1s", "退款",
        ] {
            assert_eq!(stem(word), word);
        }
    }
}
