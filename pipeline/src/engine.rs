//! The SQL engine: DataFusion over Parquet files, with bounded memory and deskmill's functions. Queries only read.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::MemorySchemaProvider;
use datafusion::common::TableReference;
use datafusion::common::tree_node::TreeNode;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{ParquetReadOptions, SQLOptions, SessionConfig, SessionContext, col};
use datafusion::sql::parser::DFParser;
use datafusion::sql::resolve::resolve_table_references;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::catalog::Catalog;
use crate::error::{Error, Result, is_full, of_system};
use crate::functions::PersonalData;
use crate::project::Project;
use crate::rejects::{write_error, writer_properties};

/// The schema that holds sources, so that a table may take a source's name.
pub const RAW: &str = "raw";

/// A session over the files of one project.
pub struct Engine {
    context: SessionContext,
    personal: PersonalData,
    memory_max_bytes: usize,
    /// As long as it is held, nobody removes what is spilled.
    _spill: Option<File>,
}

impl Engine {
    /// An empty session with the project's functions that keeps to its memory and threads and spills into its work
    /// folder.
    ///
    /// # Errors
    /// When the spill folder cannot be used.
    pub fn new(project: &Project, threads: usize, catalog: &Catalog) -> Result<Self> {
        let spill = catalog.hold_spill();
        let memory_max_bytes = project.limits.memory_max_mib as usize * (1 << 20);
        let largest = std::num::NonZeroUsize::new(3).unwrap_or(std::num::NonZeroUsize::MIN);
        let pool = TrackConsumersPool::new(FairSpillPool::new(memory_max_bytes), largest);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_temp_file_path(catalog.spill_folder())
            .build_arc()
            .map_err(|e| sql_error("engine", &e))?;
        let config = SessionConfig::new()
            .with_target_partitions(threads)
            .set_bool("datafusion.execution.split_file_groups_by_statistics", true)
            .set_bool("datafusion.execution.parquet.schema_force_view_types", false)
            .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false);
        let context = SessionContext::new_with_config_rt(config, runtime);
        if let Some(schemas) = context.catalog("datafusion") {
            let _before = schemas
                .register_schema(RAW, Arc::new(MemorySchemaProvider::new()))
                .map_err(|e| sql_error("engine", &e))?;
        }
        let personal = PersonalData::of(&project.personal);
        crate::functions::register(&context, &project.limits, &personal);
        Ok(Self {
            context,
            personal,
            memory_max_bytes,
            _spill: spill,
        })
    }

    /// Adds a function.
    pub fn add_function(&self, function: ScalarUDF) {
        self.context.register_udf(function);
    }

    /// Threads it works with.
    pub fn threads(&self) -> usize {
        self.context.copied_config().target_partitions()
    }

    /// The bound of its memory pool, in bytes.
    pub fn memory_max_bytes(&self) -> usize {
        self.memory_max_bytes
    }

    /// The project's rules for personal data.
    pub fn personal(&self) -> &PersonalData {
        &self.personal
    }

    /// Adds a source: its files under one schema, columns by name, missing ones null. It answers to `raw.NAME`, and to
    /// `NAME` until a table takes that name.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub async fn add_source(&self, name: &str, files: &[PathBuf]) -> Result<()> {
        let schema = merged_schema(files)?;
        let table = self.view(files, Some(&schema)).await?;
        let failed = |e| sql_error(name, &e);
        self.context
            .register_table(TableReference::partial(RAW, name), table.clone())
            .map_err(failed)?;
        self.context
            .register_table(TableReference::bare(name), table)
            .map_err(failed)?;
        Ok(())
    }

    /// Adds a table of one or more files, in place of a source of the same name.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub async fn add_table(&self, name: &str, files: &[PathBuf]) -> Result<()> {
        let table = self.view(files, None).await?;
        let failed = |e| sql_error(name, &e);
        self.context
            .deregister_table(TableReference::bare(name))
            .map_err(failed)?;
        self.context
            .register_table(TableReference::bare(name), table)
            .map_err(failed)?;
        Ok(())
    }

    async fn view(
        &self,
        files: &[PathBuf],
        schema: Option<&SchemaRef>,
    ) -> Result<Arc<dyn datafusion::catalog::TableProvider>> {
        let paths: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        // Landed files hold their rows in order of `_row`, and so do the files of a source one after the other: what keeps
        // that order need not sort.
        let file_sort_order = match schema {
            Some(_) => vec![vec![quoted("_row").sort(true, true)]],
            None => Vec::new(),
        };
        let options = ParquetReadOptions {
            schema: schema.map(AsRef::as_ref),
            file_sort_order,
            ..Default::default()
        };
        let place = paths.first().cloned().unwrap_or_default();
        let frame = self
            .context
            .read_parquet(paths, options)
            .await
            .map_err(|e| sql_error(&place, &e))?;
        Ok(frame.into_view())
    }

    /// Plans a query. Only queries: statements that would change something are refused.
    ///
    /// # Errors
    /// When the SQL is wrong or is no query; `place` says whose it is.
    pub async fn query(&self, place: &str, sql: &str) -> Result<DataFrame> {
        self.personal.parts(place, sql)?;
        let only_read = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        self.context
            .sql_with_options(sql, only_read)
            .await
            .map_err(|e| sql_error(place, &e))
    }

    /// Runs a query as a stream of batches.
    ///
    /// # Errors
    /// When it cannot be planned.
    pub async fn stream(&self, place: &str, frame: DataFrame) -> Result<SendableRecordBatchStream> {
        let plan = frame.create_physical_plan().await.map_err(|e| sql_error(place, &e))?;
        execute_stream(plan, self.context.task_ctx()).map_err(|e| sql_error(place, &e))
    }

    /// Runs a query and keeps its rows in memory: for results that people look at.
    ///
    /// # Errors
    /// When it fails.
    pub async fn collect(&self, place: &str, frame: DataFrame) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await.map_err(|e| sql_error(place, &e))?;
        Ok((schema, batches))
    }

    /// Runs a query into a Parquet file and returns the number of rows.
    ///
    /// # Errors
    /// When it fails or the file cannot be written.
    pub async fn write(&self, place: &str, frame: DataFrame, path: &Path) -> Result<u64> {
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let mut stream = self.stream(place, frame).await?;
        let mut writer = table_writer(path, schema)?;
        let mut rows = 0;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|e| sql_error(place, &e))?;
            rows += batch.num_rows() as u64;
            writer.write(&batch).map_err(|e| write_error(path, e))?;
        }
        writer.close().map_err(|e| write_error(path, e))?;
        Ok(rows)
    }

    /// The rows in an order that depends on nothing but their content: by all columns that can be compared.
    ///
    /// # Errors
    /// When the order cannot be planned.
    pub fn in_order(&self, place: &str, frame: DataFrame) -> Result<DataFrame> {
        let names: Vec<String> = frame
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let mut order: Vec<_> = names.iter().map(|name| quoted(name).sort(true, true)).collect();
        let is_union = |node: &LogicalPlan| Ok(matches!(node, LogicalPlan::Union(_)));
        if !frame
            .logical_plan()
            .exists(is_union)
            .map_err(|e| sql_error(place, &e))?
        {
            return frame.sort(order).map_err(|e| sql_error(place, &e));
        }
        // A sort is pushed below a union, where a column that one side has as a constant is left out of the order, and the
        // plan is then refused (seen with DataFusion 55.2). Numbers of rows keep it above; they only decide between equals.
        const ARRIVED: &str = "_arrived";
        let numbered = frame.window(vec![row_number().alias(ARRIVED)]);
        order.push(quoted(ARRIVED).sort(true, true));
        let sorted = numbered.and_then(|frame| frame.sort(order));
        let sorted = sorted.and_then(|frame| frame.select(names.iter().map(|name| quoted(name)).collect::<Vec<_>>()));
        sorted.map_err(|e| sql_error(place, &e))
    }
}

/// What a query reads, as written (`tickets`, `raw.tickets`).
///
/// # Errors
/// When the SQL cannot be parsed, or is not exactly one statement.
pub fn references(place: &str, sql: &str) -> Result<Vec<String>> {
    let wrong = |message: String| Error::Sql {
        place: place.into(),
        message,
        hint: "one query a file; see the DataFusion SQL reference for what is understood".into(),
    };
    let mut statements = DFParser::parse_sql(sql).map_err(|e| wrong(e.to_string()))?;
    let [statement] = statements.make_contiguous() else {
        return Err(wrong("is not exactly one statement".into()));
    };
    let (found, _) = resolve_table_references(statement, true).map_err(|e| wrong(e.to_string()))?;
    Ok(found.iter().map(ToString::to_string).collect())
}

/// A query without the semicolons at its end, to stand within another.
pub(crate) fn bare(query: &str) -> &str {
    query.trim_end_matches(|sign: char| sign == ';' || sign.is_whitespace())
}

/// A column by its exact name.
pub fn quoted(name: &str) -> datafusion::logical_expr::Expr {
    col(datafusion::common::Column::from_name(name))
}

/// A writer of a table file.
///
/// # Errors
/// When the file cannot be created.
pub fn table_writer(path: &Path, schema: SchemaRef) -> Result<ArrowWriter<File>> {
    let file = File::create(path).map_err(Error::file(path))?;
    ArrowWriter::try_new(file, schema, Some(writer_properties())).map_err(|e| write_error(path, e))
}

/// All columns of some files by first appearance, every one nullable.
fn merged_schema(files: &[PathBuf]) -> Result<SchemaRef> {
    let mut fields: Vec<Field> = Vec::new();
    for path in files {
        let file = File::open(path).map_err(Error::file(path))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| write_error(path, e))?;
        for field in reader.schema().fields() {
            if fields.iter().all(|known| known.name() != field.name()) {
                fields.push(field.as_ref().clone().with_nullable(true));
            }
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// An engine error with its place and, where the cause is known, the way out.
pub fn sql_error(place: &str, error: &datafusion::error::DataFusionError) -> Error {
    use datafusion::error::DataFusionError as Cause;
    let message = error.strip_backtrace();
    let hint = match error.find_root() {
        // Its place is said where it is known: by the run.
        _ if is_full(of_system(&message).kind()) => {
            "the disk is full: make room and run again; what is done stays done"
        }
        Cause::ResourcesExhausted(_) => "raise `limits.memory_max_mib`, or select fewer columns",
        Cause::SchemaError(..) => {
            "`deskmill sql \"describe raw.NAME\"` shows a source's columns; names are case-sensitive in quotes"
        }
        Cause::Plan(text) if text.contains("not found") => {
            "a query sees every source as raw.NAME and the tables above it in deskmill.toml"
        }
        Cause::Plan(text) if text.contains("not supported") => "only queries are run; deskmill.toml says what is made",
        Cause::Plan(text)
            if ["coerc", "common argument type", "types"]
                .iter()
                .any(|word| text.contains(word)) =>
        {
            "raw columns are texts: cast them with try_cast(column as type)"
        }
        Cause::SQL(..) | Cause::Plan(_) => "see the DataFusion SQL reference for what is understood",
        _ => "look at the rows in question with `deskmill sql`",
    };
    Error::Sql {
        place: place.into(),
        message,
        hint: hint.into(),
    }
}
