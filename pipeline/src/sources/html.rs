//! Placeholder.

use super::LandRequest;
use crate::error::Result;

pub(super) fn land(request: &LandRequest<'_>, _progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    Err(request.wrong(None, "html is not built", "wait"))
}
