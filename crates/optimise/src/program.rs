//! Mixed-integer linear programs and the engines that solve them: HiGHS where it is built in, microlp elsewhere.
//!
//! Two traps are closed here. A gap is asked to be zero, since engines call a plan optimal within a gap of their own;
//! and duals are those of the linear program with its integers fixed, since those of a mixed program are zeros.

use good_lp::{Expression, ProblemVariables, Variable, variable};

/// A variable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) cost: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) is_integer: bool,
}

/// Which side of a row is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    AtMost,
    AtLeast,
    Equal,
}

/// A constraint.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) terms: Vec<(usize, f64)>,
    pub(crate) sense: Sense,
    pub(crate) limit: f64,
}

/// A program to minimise.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
    /// A solution to start from, by column.
    pub(crate) start: Option<Vec<f64>>,
    /// Relative gap within which a solution will do; zero asks for a proof. microlp knows none.
    #[cfg_attr(not(feature = "highs"), allow(dead_code))]
    pub(crate) gap: f64,
    /// Nodes after which the search ends with what it has: unlike seconds, the same on every machine. microlp knows none.
    #[cfg_attr(not(feature = "highs"), allow(dead_code))]
    pub(crate) nodes: Option<i32>,
}

/// What an engine found.
#[derive(Clone, Debug)]
pub struct ProgramSolution {
    /// Value of each column; empty where none was found.
    pub values: Vec<f64>,
    /// The objective of `values`, or infinity.
    pub objective: f64,
    /// No solution has a lower objective.
    pub bound: f64,
    /// Whether no solution exists.
    pub is_infeasible: bool,
    /// Whether `values` is optimal.
    pub is_optimal: bool,
}

/// An engine failed.
#[derive(Debug, thiserror::Error)]
#[error("the engine of mixed-integer programs failed: {0}")]
pub struct EngineError(pub(crate) String);

/// What an engine tells while it searches; microlp tells nothing.
#[cfg_attr(not(feature = "highs"), allow(dead_code))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum News<'a> {
    /// No solution has a lower objective. A later one may be lower.
    Bound(f64),
    /// A better solution, by column.
    Solution(&'a [f64]),
}

/// Who is told, from other threads than the one that solves.
pub(crate) type Told<'a> = dyn Fn(News<'_>) + Sync + 'a;

/// Duals of a program with its integers fixed.
#[derive(Clone, Debug)]
pub(crate) struct Duals {
    /// By row: how much the objective rises for one unit more of the row's limit.
    pub(crate) rows: Vec<f64>,
}

impl Program {
    /// A variable between `lower` and `upper`.
    pub fn column(&mut self, cost: f64, lower: f64, upper: f64, is_integer: bool) -> usize {
        self.columns.push(Column {
            cost,
            lower,
            upper,
            is_integer,
        });
        self.columns.len() - 1
    }

    /// The sum of `terms` is at most `limit`.
    pub fn at_most(&mut self, terms: Vec<(usize, f64)>, limit: f64) -> usize {
        self.row(terms, Sense::AtMost, limit)
    }

    /// The sum of `terms` is at least `limit`.
    pub fn at_least(&mut self, terms: Vec<(usize, f64)>, limit: f64) -> usize {
        self.row(terms, Sense::AtLeast, limit)
    }

    /// The sum of `terms` is `limit`.
    pub fn equal(&mut self, terms: Vec<(usize, f64)>, limit: f64) -> usize {
        self.row(terms, Sense::Equal, limit)
    }

    fn row(&mut self, terms: Vec<(usize, f64)>, sense: Sense, limit: f64) -> usize {
        self.rows.push(Row {
            terms,
            sense,
            limit,
        });
        self.rows.len() - 1
    }

    /// The objective of a solution.
    pub(crate) fn objective(&self, values: &[f64]) -> f64 {
        (self.columns.iter().zip(values))
            .map(|(column, value)| column.cost * value)
            .sum()
    }

    /// How far a solution breaks its worst constraint.
    pub(crate) fn violation(&self, values: &[f64]) -> f64 {
        let rows = self.rows.iter().map(|row| {
            let sum: f64 = row
                .terms
                .iter()
                .map(|&(c, factor)| factor * values[c])
                .sum();
            match row.sense {
                Sense::AtMost => sum - row.limit,
                Sense::AtLeast => row.limit - sum,
                Sense::Equal => (sum - row.limit).abs(),
            }
        });
        let columns = (self.columns.iter().zip(values)).map(|(column, &value)| {
            let whole = if column.is_integer {
                (value - value.round()).abs()
            } else {
                0.0
            };
            (column.lower - value).max(value - column.upper).max(whole)
        });
        rows.chain(columns).fold(0.0, f64::max)
    }

    /// The same program with its integers fixed at a solution: linear.
    pub(crate) fn with_integers_at(&self, values: &[f64]) -> Self {
        let mut fixed = self.clone();
        for (column, value) in fixed.columns.iter_mut().zip(values) {
            if column.is_integer {
                column.lower = value.round();
                column.upper = value.round();
                column.is_integer = false;
            }
        }
        fixed.start = None;
        fixed
    }

    /// The linear relaxation.
    pub(crate) fn relaxed(&self) -> Self {
        let mut relaxed = self.clone();
        for column in &mut relaxed.columns {
            column.is_integer = false;
        }
        relaxed.start = None;
        relaxed
    }

    fn is_linear(&self) -> bool {
        self.columns.iter().all(|column| !column.is_integer)
    }

    /// Solves within `seconds`, if given.
    ///
    /// # Errors
    /// When the engine fails; running out of time is no failure.
    pub fn solve(&self, seconds: Option<f64>) -> Result<ProgramSolution, EngineError> {
        self.solve_telling(seconds, None)
    }

    /// Solves within `seconds`, if given, and tells on the way what the engine tells.
    pub(crate) fn solve_telling(
        &self,
        seconds: Option<f64>,
        told: Option<&Told<'_>>,
    ) -> Result<ProgramSolution, EngineError> {
        if self.columns.is_empty() {
            // Engines refuse an empty program.
            let feasible = self.violation(&[]) <= 1e-9;
            return Ok(ProgramSolution {
                values: Vec::new(),
                objective: 0.0,
                bound: 0.0,
                is_infeasible: !feasible,
                is_optimal: feasible,
            });
        }
        engine::solve(self, seconds, told).map(|(solution, _)| solution)
    }

    /// The duals of a linear program, or `None` where the engine has none to give.
    pub(crate) fn duals(&self) -> Result<Option<Duals>, EngineError> {
        debug_assert!(self.is_linear());
        engine::solve(self, None, None).map(|(_, duals)| duals)
    }

    fn model(&self) -> (ProblemVariables, Vec<Variable>, Expression) {
        let mut variables = ProblemVariables::new();
        let handles: Vec<Variable> = (self.columns.iter())
            .map(|column| {
                let mut definition = variable().min(column.lower).max(column.upper);
                if column.is_integer {
                    definition = definition.integer();
                }
                variables.add(definition)
            })
            .collect();
        let mut objective = Expression::with_capacity(self.columns.len());
        for (column, &handle) in self.columns.iter().zip(&handles) {
            if column.cost != 0.0 {
                objective.add_mul(column.cost, handle);
            }
        }
        (variables, handles, objective)
    }

    fn expression(row: &Row, handles: &[Variable]) -> Expression {
        let mut sum = Expression::with_capacity(row.terms.len());
        for &(column, factor) in &row.terms {
            sum.add_mul(factor, handles[column]);
        }
        sum
    }

    fn constrained<M: good_lp::SolverModel>(&self, mut model: M, handles: &[Variable]) -> M {
        for row in &self.rows {
            let sum = Self::expression(row, handles);
            model.add_constraint(match row.sense {
                Sense::AtMost => sum.leq(row.limit),
                Sense::AtLeast => sum.geq(row.limit),
                Sense::Equal => sum.eq(row.limit),
            });
        }
        model
    }
}

/// Name of the engine that is built in.
pub const ENGINE: &str = engine::NAME;

#[cfg(feature = "highs")]
mod engine {
    use super::{Duals, EngineError, News, Program, ProgramSolution, Told};
    use crate::search_log;
    use highs::{HighsModelStatus, HighsSolutionStatus, Model};
    use std::io::BufReader;

    pub(super) const NAME: &str = "HiGHS";

    pub(super) fn solve(
        program: &Program,
        seconds: Option<f64>,
        told: Option<&Told<'_>>,
    ) -> Result<(ProgramSolution, Option<Duals>), EngineError> {
        let (variables, handles, objective) = program.model();
        let model = program.constrained(
            variables.minimise(objective).using(good_lp::highs),
            &handles,
        );
        let mut model = (model.try_into_inner()).map_err(|error| EngineError(error.to_string()))?;
        model.make_quiet();
        let failed = |what: &str| EngineError(format!("HiGHS refuses {what}"));
        model
            .try_set_option("mip_rel_gap", program.gap.max(1e-9))
            .map_err(|_| failed("a gap"))?;
        model
            .try_set_option("mip_abs_gap", 1e-9)
            .map_err(|_| failed("a gap"))?;
        if let Some(seconds) = seconds {
            model
                .try_set_option("time_limit", seconds.max(0.01))
                .map_err(|_| failed("a time limit"))?;
        }
        if let Some(nodes) = program.nodes {
            model
                .try_set_option("mip_max_nodes", nodes)
                .map_err(|_| failed("a limit of nodes"))?;
        }
        if let Some(start) = &program.start {
            model
                .try_set_solution(Some(start), None, None, None)
                .map_err(|_| failed("a start"))?;
        }
        // The log ends when the model goes, the file of solutions when its writer does too: both at the end of what runs
        // here, and with them the threads that read them.
        std::thread::scope(|scope| {
            let mut kept = None;
            if let Some(told) = told {
                if let Some(log) = search_log::open(&mut model) {
                    scope.spawn(move || {
                        search_log::follow(log, &|bound| told(News::Bound(bound)));
                    });
                }
                if let Some((solutions, writer)) = search_log::open_solutions(&mut model) {
                    kept = Some(writer);
                    let columns = program.columns.len();
                    scope.spawn(move || {
                        search_log::follow_solutions(
                            BufReader::new(solutions),
                            columns,
                            &|values| told(News::Solution(values)),
                        );
                    });
                }
            }
            let found = run(program, model);
            drop(kept);
            found
        })
    }

    fn run(
        program: &Program,
        model: Model,
    ) -> Result<(ProgramSolution, Option<Duals>), EngineError> {
        let solved = model
            .try_solve()
            .map_err(|status| EngineError(format!("HiGHS says {status:?}")))?;
        let status = solved.status();
        let is_infeasible = matches!(
            status,
            HighsModelStatus::Infeasible | HighsModelStatus::UnboundedOrInfeasible
        );
        let is_stopped = matches!(
            status,
            HighsModelStatus::ReachedTimeLimit
                | HighsModelStatus::ReachedIterationLimit
                | HighsModelStatus::ReachedSolutionLimit
                | HighsModelStatus::ReachedInterrupt
                | HighsModelStatus::ReachedMemoryLimit
                | HighsModelStatus::Unknown
        );
        let is_optimal = status == HighsModelStatus::Optimal;
        if !is_infeasible && !is_stopped && !is_optimal {
            return Err(EngineError(format!("HiGHS says {status:?}")));
        }
        let has_solution = solved.primal_solution_status() == HighsSolutionStatus::Feasible;
        let inner = solved.get_solution();
        let values = if has_solution {
            inner.columns().to_vec()
        } else {
            Vec::new()
        };
        let objective = if has_solution {
            program.objective(&values)
        } else {
            f64::INFINITY
        };
        let bound = if is_infeasible {
            f64::INFINITY
        } else if is_optimal {
            objective
        } else if program.is_linear() {
            f64::NEG_INFINITY
        } else {
            (solved.double_info_value(c"mip_dual_bound")).unwrap_or(f64::NEG_INFINITY)
        };
        let duals = (is_optimal && program.is_linear()).then(|| Duals {
            rows: inner.dual_rows().to_vec(),
        });
        Ok((
            ProgramSolution {
                values,
                objective,
                bound: bound.min(objective),
                is_infeasible,
                is_optimal,
            },
            duals,
        ))
    }
}

#[cfg(all(feature = "microlp", not(feature = "highs")))]
mod engine {
    use super::{Duals, EngineError, Program, ProgramSolution, Told};
    use good_lp::solvers::SolutionStatus;
    use good_lp::{ResolutionError, Solution as _, SolverModel as _, WithTimeLimit as _};

    pub(super) const NAME: &str = "microlp";

    /// This engine tells nothing on its way.
    pub(super) fn solve(
        program: &Program,
        seconds: Option<f64>,
        _told: Option<&Told<'_>>,
    ) -> Result<(ProgramSolution, Option<Duals>), EngineError> {
        let (variables, handles, objective) = program.model();
        let mut model = program.constrained(
            variables.minimise(objective).using(good_lp::microlp),
            &handles,
        );
        if let Some(seconds) = seconds {
            model = model.with_time_limit(seconds.max(0.01));
        }
        let nothing = |is_infeasible: bool, bound: f64| ProgramSolution {
            values: Vec::new(),
            objective: f64::INFINITY,
            bound,
            is_infeasible,
            is_optimal: false,
        };
        let solution = match model.solve() {
            Ok(solution) => solution,
            Err(ResolutionError::Infeasible) => return Ok((nothing(true, f64::INFINITY), None)),
            Err(ResolutionError::Other(_)) => {
                return Ok((nothing(false, relaxed_bound(program, seconds)), None));
            }
            Err(error) => return Err(EngineError(error.to_string())),
        };
        let values: Vec<f64> = handles.iter().map(|&h| solution.value(h)).collect();
        let objective = program.objective(&values);
        let is_optimal = matches!(solution.status(), SolutionStatus::Optimal);
        let bound = if is_optimal {
            objective
        } else {
            relaxed_bound(program, seconds).min(objective)
        };
        Ok((
            ProgramSolution {
                values,
                objective,
                bound,
                is_infeasible: false,
                is_optimal,
            },
            None,
        ))
    }

    /// The bound of the linear relaxation: this engine tells none of its own.
    fn relaxed_bound(program: &Program, seconds: Option<f64>) -> f64 {
        if program.is_linear() {
            return f64::NEG_INFINITY;
        }
        match solve(&program.relaxed(), seconds, None) {
            Ok((relaxed, _)) if relaxed.is_optimal => relaxed.objective,
            _ => f64::NEG_INFINITY,
        }
    }
}

#[cfg(not(any(feature = "microlp", feature = "highs")))]
compile_error!("the optimise crate needs an engine: turn on the feature `highs` or `microlp`");

#[cfg(test)]
mod tests {
    use super::*;

    /// A knapsack: maximise 10a + 13b + 7c with 3a + 4b + 2c <= 6.
    fn knapsack() -> Program {
        let mut program = Program::default();
        let items: Vec<usize> = [10.0, 13.0, 7.0]
            .iter()
            .map(|worth| program.column(-worth, 0.0, 1.0, true))
            .collect();
        let weights = items.iter().copied().zip([3.0, 4.0, 2.0]).collect();
        program.at_most(weights, 6.0);
        program
    }

    #[test]
    fn solves_a_knapsack_to_its_optimum() {
        // Unwrap safety: a test.
        let solution = knapsack().solve(None).unwrap();
        assert!(solution.is_optimal);
        assert!((solution.objective + 20.0).abs() < 1e-9);
        assert!((solution.bound + 20.0).abs() < 1e-6);
        assert!(knapsack().violation(&solution.values) < 1e-6);
    }

    #[test]
    fn an_impossible_program_is_infeasible_and_not_an_error() {
        let mut program = knapsack();
        program.at_least(vec![(0, 1.0), (1, 1.0)], 3.0);
        // Unwrap safety: a test.
        let solution = program.solve(None).unwrap();
        assert!(solution.is_infeasible && !solution.is_optimal && solution.values.is_empty());
    }

    /// Fifteen warehouses with capacities for forty customers: a search, and not a relaxation that happens to be whole.
    #[cfg(feature = "highs")]
    fn warehouses(random: &mut crate::random::Random) -> Program {
        let mut program = Program::default();
        let open: Vec<usize> = (0..15)
            .map(|_| program.column(200.0 + 300.0 * random.unit(), 0.0, 1.0, true))
            .collect();
        let mut load: Vec<Vec<(usize, f64)>> = open.iter().map(|&at| vec![(at, -60.0)]).collect();
        for _ in 0..40 {
            let demand = (2.0 + 10.0 * random.unit()).round();
            let mut served = Vec::new();
            for (site, load) in load.iter_mut().enumerate() {
                let column = program.column(100.0 * random.unit(), 0.0, 1.0, false);
                program.at_most(vec![(column, 1.0), (open[site], -1.0)], 0.0);
                load.push((column, demand));
                served.push((column, 1.0));
            }
            program.equal(served, 1.0);
        }
        for terms in load {
            program.at_most(terms, 0.0);
        }
        program
    }

    #[cfg(feature = "highs")]
    #[test]
    fn bounds_and_solutions_told_on_the_way_hold() {
        let mut random = crate::random::Random::new(41);
        let (mut rising, mut found) = (0, 0);
        for _ in 0..4 {
            let program = warehouses(&mut random);
            let bounds = std::sync::Mutex::new(Vec::new());
            let objectives = std::sync::Mutex::new(Vec::new());
            let solution = program.solve_telling(
                Some(20.0),
                Some(&|news| match news {
                    // Unwrap safety: a test.
                    News::Bound(bound) => bounds.lock().unwrap().push(bound),
                    News::Solution(values) => {
                        assert!(program.violation(values) <= 1e-6);
                        let objective = program.objective(values);
                        // Unwrap safety: a test.
                        objectives.lock().unwrap().push(objective);
                    }
                }),
            );
            // Unwrap safety: a test.
            let (solution, bounds) = (solution.unwrap(), bounds.into_inner().unwrap());
            // Unwrap safety: a test.
            let objectives = objectives.into_inner().unwrap();
            let room = 1e-6 * solution.objective.abs();
            assert!(
                bounds
                    .iter()
                    .all(|&bound| bound <= solution.objective + room)
            );
            rising += usize::from(bounds.len() > 1 && bounds.last() > bounds.first());
            assert!(objectives.is_sorted_by(|one, next| *next < one + room));
            if let Some(&last) = objectives.last() {
                assert!((last - solution.objective).abs() <= room, "{last}");
                found += 1;
            }
        }
        assert!(rising > 0, "no search told how its bound rose");
        assert!(found > 0, "no search told what it found");
    }

    #[cfg(feature = "highs")]
    #[test]
    fn duals_are_those_of_the_program_with_its_integers_fixed() {
        // Unwrap safety: a test.
        let mut program = Program::default();
        let open = program.column(5.0, 0.0, 1.0, true);
        let served = program.column(0.0, 0.0, 10.0, false);
        let unmet = program.column(3.0, 0.0, f64::INFINITY, false);
        program.equal(vec![(served, 1.0), (unmet, 1.0)], 9.0);
        let room = program.at_most(vec![(served, 1.0), (open, -4.0)], 0.0);
        let solution = program.solve(None).unwrap();
        assert!((solution.objective - 20.0).abs() < 1e-6);
        let duals = program
            .with_integers_at(&solution.values)
            .duals()
            .unwrap()
            .unwrap();
        // One more place serves one more person, whose not being served costs 3.
        assert!((duals.rows[room] + 3.0).abs() < 1e-6, "{duals:?}");
    }
}
