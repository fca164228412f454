//! What `deskmill init` writes: a small project over one csv file. The texts are files, so that they read as they will
//! stand in the project.

/// The annotated `deskmill.toml` of a new project. It expects `raw/tickets.csv` with the columns `ticket_id`, `body`
/// and `intent`, and the queries of [`starter_files`].
pub fn starter() -> &'static str {
    include_str!("starter/deskmill.toml")
}

/// All files of a new project but its data: path from the project folder (`/` between the parts), and content.
pub fn starter_files() -> [(&'static str, &'static str); 3] {
    [
        (super::FILE_NAME, starter()),
        ("sql/tickets.sql", include_str!("starter/sql/tickets.sql")),
        (
            "sql/intent_examples.sql",
            include_str!("starter/sql/intent_examples.sql"),
        ),
    ]
}
