//! The project files of a sample desk. They are written once here and copied into every desk, so `data/samples/` and a
//! desk of ten million cases are run by the same SQL.

/// (path inside the desk's folder, content). A file under `sample/project/` takes part by its line here.
pub(super) static FILES: &[(&str, &str)] = &[
    ("deskmill.toml", include_str!("project/deskmill.toml")),
    ("sql/customers.sql", include_str!("project/sql/customers.sql")),
    ("sql/orders.sql", include_str!("project/sql/orders.sql")),
    ("sql/tickets.sql", include_str!("project/sql/tickets.sql")),
    ("sql/turns.sql", include_str!("project/sql/turns.sql")),
    ("sql/ratings.sql", include_str!("project/sql/ratings.sql")),
    ("sql/mails.sql", include_str!("project/sql/mails.sql")),
    ("sql/pages.sql", include_str!("project/sql/pages.sql")),
    ("sql/days.sql", include_str!("project/sql/days.sql")),
    (
        "sql/intent_examples.sql",
        include_str!("project/sql/intent_examples.sql"),
    ),
    ("sql/coin_examples.sql", include_str!("project/sql/coin_examples.sql")),
    (
        "sql/satisfaction_examples.sql",
        include_str!("project/sql/satisfaction_examples.sql"),
    ),
    (
        "sql/routing_examples.sql",
        include_str!("project/sql/routing_examples.sql"),
    ),
    (
        "sql/answer_examples.sql",
        include_str!("project/sql/answer_examples.sql"),
    ),
];
