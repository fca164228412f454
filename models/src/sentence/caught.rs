//! The edge to libraries that read files nobody vouches for: where they panic, callers get an error.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};

/// Runs `work` of a library and gives its result, or an error at `place` if it fails or panics. What it was working on
/// must not be used again after an error, unless it only reads.
pub(super) fn caught<T, E: ToString>(
    place: &str,
    hint: &str,
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Error::encoder(place, bounded(&error.to_string()), hint)),
        Err(panic) => Err(Error::encoder(place, bounded(&words(panic.as_ref())), hint)),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("the library gave up").to_owned()
}

/// A library's words can repeat a hostile file's.
fn bounded(words: &str) -> String {
    words.chars().take(300).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        let error = caught::<(), String>("network", "h", || panic!("index {} out of range", 7)).unwrap_err();
        assert_eq!(error.to_string(), "encoder network: index 7 out of range");
        assert_eq!(error.hint(), "h");
        let error = caught::<(), _>("network", "h", || Err("no\u{1b}")).unwrap_err();
        assert_eq!(error.to_string(), "encoder network: no\\u{1b}");
        assert_eq!(caught::<_, String>("network", "h", || Ok(3)).unwrap(), 3);
    }
}
