//! Which functions a query calls, found before it is planned.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Function, visit_expressions};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// Calls `visit` with each call of a function and its name in lower case. A query that cannot be parsed calls none;
/// planning will say why.
pub(super) fn for_each_call(sql: &str, mut visit: impl FnMut(&str, &Function)) {
    let statements = Parser::parse_sql(&GenericDialect {}, sql).unwrap_or_default();
    let _all: ControlFlow<()> = visit_expressions(&statements, |expression| {
        if let Expr::Function(call) = expression {
            visit(&call.name.to_string().replace('"', "").to_ascii_lowercase(), call);
        }
        ControlFlow::Continue(())
    });
}
