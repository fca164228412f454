//! Text, the same for training and serving: [`prepare`], [`words::tokens`], and what cleaning needs besides. Everything
//! here is pure and total; what changes a text is idempotent but for [`strip_html`] and what reads markup as it does.

mod chinese;
mod html;
mod language;
mod mask;
pub mod near_dup;
mod normalise;
pub mod pii;
mod prepare;
mod quotes;
mod repair;
mod sentences;
pub mod words;

pub use chinese::to_simplified;
pub use html::strip_html;
pub use language::language;
pub use mask::mask_numbers_and_addresses;
pub use near_dup::near_dup_key;
pub use normalise::normalise;
pub use prepare::{Preparation, prepare, warm_up};
pub use quotes::{Reply, split_reply, strip_quotes};
pub use repair::repair_mojibake;
pub use sentences::sentences;
