//! Boosting: rounds of trees, each fitted to the derivatives that the rounds before it left.

use super::bins::{ColumnBins, fit_bins};
use super::columns::Examples;
use super::error::TreeError;
use super::grow::{Common, GrowSlots};
use super::histogram::Layout;
use super::model::TreeModel;
use super::objective::Start;
use super::rounds::{Boosted, Parts, Worker};
use super::settings::{CheckedSettings, TreeSettings};
use super::team::{Slots, StopWithMe, Team};

/// A fitted model, with how fitting went.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The model, of the best round if there was a validation part.
    pub model: TreeModel,
    /// Rounds the model has.
    pub rounds: usize,
    /// Mean validation loss after each round grown, the ones not kept too; empty without a validation part.
    pub losses: Vec<f64>,
}

/// Fits trees. With a validation part, rounds after the one with the least validation loss are dropped, and none are
/// grown once `stop_after` rounds brought no better loss.
///
/// # Errors
/// When a setting is out of range, or rows do not fit each other, the settings or the objective.
pub fn fit(
    examples: &Examples<'_>,
    validation: Option<&Examples<'_>>,
    settings: &TreeSettings,
) -> Result<Fitted, TreeError> {
    let settings = settings.check(examples.columns.len())?;
    examples.check(&settings.objective)?;
    if let Some(validation) = validation {
        validation.check(&settings.objective)?;
        let kinds = |examples: &Examples<'_>| examples.columns.iter().map(|column| column.kind()).collect::<Vec<_>>();
        if kinds(validation) != kinds(examples) {
            return Err(TreeError::rows(
                "validation columns",
                "are not of the kinds of the columns to learn from",
            ));
        }
    }
    let columns = fit_bins(examples.columns, settings.bins_max, settings.threads);
    let bound = |(column, sign): (&ColumnBins, &i8)| *sign != 0 && matches!(column, ColumnBins::Category { .. });
    if columns.iter().zip(&settings.monotone).any(bound) {
        let message = "binds a column of categories; only numbers rise and fall".to_owned();
        return Err(TreeError::Setting {
            name: "monotone",
            message,
        });
    }
    let start = Start::new(&settings.objective, examples);
    let parts = Parts { examples, validation };
    let boosted = boost(parts, &columns, &settings, &start);
    let rounds = boosted.trees.len() / settings.objective.outputs();
    let start = Start {
        scores: start.scores,
        cuts: boosted.cuts,
    };
    let model = TreeModel::from_trees(settings.objective, &columns, &start, &boosted.trees)?;
    Ok(Fitted {
        model,
        rounds,
        losses: boosted.losses,
    })
}

/// Fewer rows a thread, and waiting for each other costs more than it brings.
const THREAD_ROWS_MIN: usize = 1024;

/// Runs the rounds by as many threads as the rows are worth.
fn boost(parts: Parts<'_>, columns: &[ColumnBins], settings: &CheckedSettings, start: &Start) -> Boosted {
    let size = settings.threads.min(parts.examples.rows().div_ceil(THREAD_ROWS_MIN));
    let team = Team::new(size);
    let layout = Layout::new(columns.len());
    let common = Common {
        settings,
        columns,
        layout: &layout,
        team: &team,
        slots: &GrowSlots::new(&team),
        renewal: (&Slots::new(size), &Slots::new(size)),
    };
    let run = |at: usize| {
        let _stop = StopWithMe(&team);
        Worker::new(&common, parts, start, at).run()
    };
    let run = &run;
    std::thread::scope(|scope| {
        (1..size).for_each(|at| {
            scope.spawn(move || run(at));
        });
        run(0)
    })
}
