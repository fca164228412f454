//! The product tests live in `product/`; this package has no code of its own.
