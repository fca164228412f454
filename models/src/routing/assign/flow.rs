//! The assignment of least total cost: shortest augmenting paths with potentials, after rows took their cheapest column
//! from each other (Jonker and Volgenant, Computing 1987). An agent is one node with its capacity, not as many columns (the
//! transportation problem). Exact, deterministic.
//!
//! Why not a crate: `pathfinding`'s Kuhn-Munkres knows no capacities, no case that is left and no forbidden pair, and
//! runs on without end at an infinite cost; `lapjv` brings ndarray. Neither gives the potentials that [`Solved::with_one_more`]
//! needs.
//!
//! Invariants, `u` being the potential of a case and `v` of an agent: no pair's `cost - u - v` is below 0, and no case's
//! `leaving - u`; it is 0 where the case has the agent, or is left; `v` is 0 as long as the agent has room, and never above.

/// What is to be assigned.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    /// What each pair costs, case by case; infinite where it is forbidden.
    pub costs: Vec<f64>,
    /// How many cases each agent can take.
    pub rooms: Vec<u32>,
    /// What leaving each case costs, finite.
    pub leaving: Vec<f64>,
}

/// A solution. Its cases are numbered by their places in the `cases` that were asked for.
pub(super) struct Solved<'a> {
    problem: &'a Problem,
    cases: &'a [usize],
    /// The agent of each case, `None` where it is left.
    pub chosen: Vec<Option<usize>>,
    /// Room that is left.
    rooms: Vec<u32>,
    /// The cases of each agent.
    held: Vec<Vec<usize>>,
    case_potentials: Vec<f64>,
    agent_potentials: Vec<f64>,
}

/// How often one case may take another's agent before paths are searched, times the number of cases.
const TAKINGS_MAX: usize = 8;

impl Problem {
    /// What the agents cost for a case.
    pub fn row(&self, case: usize) -> &[f64] {
        let agents = self.rooms.len();
        &self.costs[case * agents..(case + 1) * agents]
    }

    /// Assigns `cases` where agents have so much room.
    pub fn solve<'a>(&'a self, cases: &'a [usize], rooms: &[u32]) -> Solved<'a> {
        // An agent without room is never looked at.
        let potential = |room: &u32| if *room == 0 { f64::NEG_INFINITY } else { 0.0 };
        let mut solved = Solved {
            problem: self,
            cases,
            chosen: vec![None; cases.len()],
            rooms: rooms.to_vec(),
            held: vec![Vec::new(); rooms.len()],
            case_potentials: vec![0.0; cases.len()],
            agent_potentials: rooms.iter().map(potential).collect(),
        };
        let mut paths = Paths::new(rooms.len());
        for case in solved.take_cheapest() {
            solved.augment(case, &mut paths);
        }
        solved
    }
}

impl Solved<'_> {
    fn row(&self, case: usize) -> &[f64] {
        self.problem.row(self.cases[case])
    }

    fn leaving(&self, case: usize) -> f64 {
        self.problem.leaving[self.cases[case]]
    }

    /// Gives each case what costs it least. Where another case has it, that case has to look anew and the agent becomes
    /// dearer, by as much as the next best costs more. The cases that are still without are returned.
    fn take_cheapest(&mut self) -> Vec<usize> {
        let mut without = Vec::new();
        let mut waiting: Vec<usize> = (0..self.cases.len()).rev().collect();
        let mut left = TAKINGS_MAX * self.cases.len();
        while let Some(case) = waiting.pop() {
            let (agent, least, next) = self.two_cheapest(case);
            self.case_potentials[case] = least;
            let Some(agent) = agent else { continue };
            if self.rooms[agent] > 0 {
                self.rooms[agent] -= 1;
                self.held[agent].push(case);
                self.chosen[case] = Some(agent);
            } else if left > 0 && next > least && self.held[agent].len() == 1 {
                left -= 1;
                self.case_potentials[case] = next;
                self.agent_potentials[agent] -= next - least;
                let other = std::mem::replace(&mut self.held[agent][0], case);
                self.chosen[case] = Some(agent);
                self.chosen[other] = None;
                waiting.push(other);
            } else {
                without.push(case);
            }
        }
        without
    }

    /// The cheapest agent by cost less potential, `None` if leaving is cheaper; that cost, and the next one.
    fn two_cheapest(&self, case: usize) -> (Option<usize>, f64, f64) {
        let (mut agent, mut least, mut next) = (None, self.leaving(case), f64::INFINITY);
        for (at, (cost, potential)) in self.row(case).iter().zip(&self.agent_potentials).enumerate() {
            let cost = cost - potential;
            if cost < least {
                (agent, least, next) = (Some(at), cost, least);
            } else if cost < next {
                next = cost;
            }
        }
        (agent, least, next)
    }

    /// Brings one more case in by the shortest path: it takes an agent, whose case takes another, and so on, until an
    /// agent has room or a case is left.
    fn augment(&mut self, case: usize, paths: &mut Paths) {
        paths.start(&self.agent_potentials);
        self.look_from(case, 0.0, paths);
        let (mut mover, mut target) = loop {
            let (agent, length) = paths.nearest();
            if paths.leave.0 <= length {
                break (paths.leave.1, None);
            }
            if self.rooms[agent] > 0 {
                self.rooms[agent] -= 1;
                break (paths.before[agent] as usize, Some(agent));
            }
            paths.settle(agent, length);
            for &held in &self.held[agent] {
                self.look_from(held, length, paths);
            }
        };
        let end = target.map_or(paths.leave.0, |agent| paths.ways[agent]);
        self.case_potentials[case] += end;
        for &(agent, length) in &paths.settled {
            self.agent_potentials[agent] -= end - length;
            for &held in &self.held[agent] {
                self.case_potentials[held] += end - length;
            }
        }
        loop {
            let left = std::mem::replace(&mut self.chosen[mover], target);
            if let Some(agent) = target {
                self.held[agent].push(mover);
            }
            let Some(agent) = left else { break };
            self.held[agent].retain(|other| *other != mover);
            (mover, target) = (paths.before[agent] as usize, Some(agent));
        }
    }

    /// Notes where a case that is `length` away can go.
    fn look_from(&self, case: usize, length: f64, paths: &mut Paths) {
        let base = length - self.case_potentials[case];
        paths.look(self.row(case), base, case);
        paths.look_at_leaving(base + self.leaving(case), case);
    }

    /// What one more case, by its number in the problem, would get if agent `freed` had room for one more, all others
    /// being assigned anew. One search, the solution stays: the shortest way from the case to the new room. It may lead over
    /// room that nobody needs, as if a case without costs held it.
    pub fn with_one_more(&self, case: usize, freed: usize) -> Option<usize> {
        let new_case = self.cases.len();
        let mut paths = Paths::new(self.rooms.len());
        paths.start(&self.agent_potentials);
        if paths.open[freed] == f64::NEG_INFINITY {
            let tight = (0..self.cases.len()).map(|other| self.row(other)[freed] - self.case_potentials[other]);
            paths.open[freed] = tight.fold(0.0, f64::min);
        }
        paths.look(self.problem.row(case), 0.0, new_case);
        paths.look_at_leaving(self.problem.leaving[case], new_case);
        // Who came to the room that nobody needs, and where: an agent's, or that of cases that are left.
        let mut spare: Option<(usize, Option<usize>)> = None;
        loop {
            let (agent, length) = paths.nearest();
            if spare.is_none() && paths.leave.0 <= length {
                spare = Some((paths.leave.1, None));
                self.look_from_spare(paths.leave.0, &mut paths);
                continue;
            }
            // Without a way to the new room, which only rounding could bring about, the case would be left.
            if agent == freed || length == f64::INFINITY {
                break;
            }
            paths.settle(agent, length);
            for &held in &self.held[agent] {
                self.look_from(held, length, &mut paths);
            }
            if spare.is_none() && self.rooms[agent] > 0 {
                spare = Some((paths.before[agent] as usize, Some(agent)));
                self.look_from_spare(length, &mut paths);
            }
        }
        let (mut mover, mut target) = (paths.before[freed] as usize, Some(freed));
        while mover != new_case {
            let from = self.chosen.get(mover).copied().flatten();
            (mover, target) = match (from, spare) {
                (Some(agent), _) => (paths.before[agent] as usize, Some(agent)),
                (None, Some(spare)) => spare,
                (None, None) => return None,
            };
        }
        target
    }

    /// Notes what can be taken over where room is spare: any agent by what costs nothing, and what cases that are left want.
    fn look_from_spare(&self, length: f64, paths: &mut Paths) {
        let nothing = vec![0.0; self.rooms.len()];
        paths.look(&nothing, length, SPARE);
        for case in (0..self.cases.len()).filter(|case| self.chosen[*case].is_none()) {
            self.look_from(case, length, paths);
        }
    }
}

/// Stands for a case that is none, in the room that nobody needs.
const SPARE: usize = u32::MAX as usize;

/// Shortest ways from one case to all agents, by costs less potentials (Dijkstra's search).
struct Paths {
    /// To agents that are not settled.
    ways: Vec<f64>,
    /// Who takes the agent on the shortest way. As wide as the ways, so that both are updated side by side.
    before: Vec<u64>,
    /// Potentials of agents that are not settled; the others can never be nearer.
    open: Vec<f64>,
    /// Agents whose way is known.
    settled: Vec<(usize, f64)>,
    /// The shortest way to leaving a case, and which.
    leave: (f64, usize),
}

impl Paths {
    fn new(agents: usize) -> Self {
        Self {
            ways: vec![f64::INFINITY; agents],
            before: vec![0; agents],
            open: vec![0.0; agents],
            settled: Vec::with_capacity(agents),
            leave: (f64::INFINITY, 0),
        }
    }

    fn start(&mut self, potentials: &[f64]) {
        self.ways.fill(f64::INFINITY);
        self.open.copy_from_slice(potentials);
        self.settled.clear();
        self.leave.0 = f64::INFINITY;
    }

    fn look(&mut self, row: &[f64], base: f64, mover: usize) {
        let mover = mover as u64;
        let places = self.ways.iter_mut().zip(&mut self.before);
        for ((way, before), (cost, open)) in places.zip(row.iter().zip(&self.open)) {
            let length = base + (cost - open);
            let is_nearer = length < *way;
            *way = if is_nearer { length } else { *way };
            *before = if is_nearer { mover } else { *before };
        }
    }

    fn look_at_leaving(&mut self, length: f64, case: usize) {
        if length < self.leave.0 {
            self.leave = (length, case);
        }
    }

    /// The nearest agent that is not settled; an infinite way if there is none.
    fn nearest(&self) -> (usize, f64) {
        // Eight minima side by side: one alone would wait for itself at every step.
        let (chunks, rest) = self.ways.as_chunks::<8>();
        let mut minima = [f64::INFINITY; 8];
        for chunk in chunks {
            for (least, way) in minima.iter_mut().zip(chunk) {
                *least = if way < least { *way } else { *least };
            }
        }
        let least = minima.iter().chain(rest).copied().fold(f64::INFINITY, f64::min);
        (self.ways.iter().position(|way| *way == least).unwrap_or(0), least)
    }

    fn settle(&mut self, agent: usize, length: f64) {
        self.ways[agent] = f64::INFINITY;
        self.open[agent] = f64::NEG_INFINITY;
        self.settled.push((agent, length));
    }
}
