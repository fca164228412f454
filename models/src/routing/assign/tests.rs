#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::flow::Problem;
use super::*;

/// The least total cost by trying everything.
fn brute_force(problem: &Problem, case: usize, rooms: &mut [u32]) -> f64 {
    if case == problem.leaving.len() {
        return 0.0;
    }
    let mut least = problem.leaving[case] + brute_force(problem, case + 1, rooms);
    for agent in 0..rooms.len() {
        let cost = problem.row(case)[agent];
        if rooms[agent] > 0 && cost.is_finite() {
            rooms[agent] -= 1;
            least = least.min(cost + brute_force(problem, case + 1, rooms));
            rooms[agent] += 1;
        }
    }
    least
}

fn total(problem: &Problem, chosen: &[Option<usize>]) -> f64 {
    let cost =
        |(case, agent): (usize, &Option<usize>)| agent.map_or(problem.leaving[case], |agent| problem.row(case)[agent]);
    chosen.iter().enumerate().map(cost).sum()
}

fn solve(problem: &Problem) -> Vec<Option<usize>> {
    let cases: Vec<usize> = (0..problem.leaving.len()).collect();
    problem.solve(&cases, &problem.rooms).chosen
}

/// Small problems with ties, forbidden pairs, and cases better left.
fn problems(side: usize) -> impl Strategy<Value = Problem> {
    (0..=side, 0..=side).prop_flat_map(|(cases, agents)| {
        let cost = prop_oneof![3 => (0..30u32).prop_map(f64::from), 1 => Just(f64::INFINITY), 2 => 0.0..30.0f64];
        (
            prop::collection::vec(cost, cases * agents),
            prop::collection::vec(0..4u32, agents),
            prop::collection::vec(0.0..60.0f64, cases),
        )
            .prop_map(|(costs, rooms, leaving)| Problem { costs, rooms, leaving })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn no_assignment_costs_less(problem in problems(5)) {
        let chosen = solve(&problem);
        let least = brute_force(&problem, 0, &mut problem.rooms.clone());
        prop_assert!((total(&problem, &chosen) - least).abs() < 1e-9, "{} {least}", total(&problem, &chosen));
        prop_assert_eq!(&chosen, &solve(&problem));
    }

    #[test]
    fn one_more_case_and_room_are_as_assigned_anew(problem in problems(7), case in 0..7usize, freed in 0..7usize) {
        let (cases, agents) = (problem.leaving.len(), problem.rooms.len());
        prop_assume!(cases > 0 && agents > 0);
        let (case, freed) = (case % cases, freed % agents);
        // Ties are broken, as they are in costs.
        let mut problem = problem;
        for (at, cost) in problem.costs.iter_mut().enumerate() {
            *cost += (mixed(at as u64) % 1_000_000) as f64 * 1e-9;
        }
        let others: Vec<usize> = (0..cases).filter(|other| *other != case).collect();
        let found = problem.solve(&others, &problem.rooms).with_one_more(case, freed);
        problem.rooms[freed] += 1;
        prop_assert_eq!(found, solve(&problem)[case]);
    }

    #[test]
    fn capacity_and_forbidden_pairs_hold(problem in problems(25)) {
        let chosen = solve(&problem);
        let mut rooms = problem.rooms.clone();
        for (case, agent) in chosen.iter().enumerate() {
            if let Some(agent) = agent {
                prop_assert!(rooms[*agent] > 0 && problem.row(case)[*agent].is_finite());
                rooms[*agent] -= 1;
            }
        }
    }

    #[test]
    fn one_agent_more_never_costs_more(problem in problems(12), costs in prop::collection::vec(0.0..30.0f64, 12), room in 0..3u32) {
        let cases = problem.leaving.len();
        let mut more = Problem { costs: Vec::new(), ..problem.clone() };
        more.rooms.push(room);
        for (case, cost) in costs.iter().enumerate().take(cases) {
            more.costs.extend_from_slice(problem.row(case));
            more.costs.push(*cost);
        }
        prop_assert!(total(&more, &solve(&more)) <= total(&problem, &solve(&problem)) + 1e-9);
    }
}

fn case(id: &str, waited_s: f64) -> WaitingCase {
    WaitingCase {
        id: id.into(),
        skills: Vec::new(),
        language: None,
        waited_s,
        service_level_s: 100.0,
        priority: 1.0,
    }
}

fn agent(id: &str, capacity: u32) -> FreeAgent {
    FreeAgent {
        id: id.into(),
        skills: vec!["billing".into()],
        languages: vec!["en".into()],
        capacity,
        taken_today: 0,
        cap_today: None,
    }
}

fn request(cases: Vec<WaitingCase>, agents: Vec<FreeAgent>) -> AssignRequest {
    AssignRequest {
        id: "r1".into(),
        cases,
        agents,
    }
}

/// Predictions of good outcomes whose handling takes so long.
fn predicted(handle_s: &[f64]) -> Predicted {
    Predicted {
        handle_s: handle_s.to_vec(),
        outcome: vec![1.0; handle_s.len()],
    }
}

fn pairs(assignment: &Assignment) -> Vec<(&str, &str)> {
    assignment
        .assigned
        .iter()
        .map(|one| (one.case.as_str(), one.agent.as_str()))
        .collect()
}

#[test]
fn says_what_it_costs_and_what_else_there_was() {
    let asked = request(
        vec![case("c1", 10.0), case("c2", 20.0)],
        vec![agent("ann", 1), agent("bob", 1)],
    );
    let answer = assign(
        &asked,
        &predicted(&[100.0, 110.0, 100.0, 300.0]),
        &AssignSettings::default(),
    )
    .unwrap();
    assert_eq!(pairs(&answer), [("c1", "bob"), ("c2", "ann")]);
    assert_eq!(answer.cost_s, 210.0);
    let first = &answer.assigned[0];
    assert_eq!(first.alternatives[0].more_s, Some(-10.0));
    assert_eq!(
        first.why,
        "costs 110 s (handling 110, outcome 0, fairness 0); ann would cost 10 s less but is needed elsewhere"
    );
    assert_eq!(
        answer.assigned[1].why,
        "costs 100 s (handling 100, outcome 0, fairness 0); bob would cost 200 s more"
    );
    assert_eq!((first.propensity, first.alternatives[0].propensity), (1.0, 0.0));
    assert_eq!(
        answer.policy,
        "least-cost handle=1 outcome_s=900 ageing_s=3600 fairness_s=60"
    );
}

#[test]
fn the_less_urgent_wait_on_and_the_reason_is_said() {
    let mut cases = vec![case("fresh", 5.0), case("late", 150.0), case("near", 90.0)];
    cases.push(WaitingCase {
        skills: vec!["law".into()],
        ..case("law", 500.0)
    });
    cases.push(WaitingCase {
        language: Some("fr".into()),
        ..case("french", 500.0)
    });
    let mut agents = vec![agent("ann", 2), agent("capped", 3), agent("busy", 0)];
    (agents[1].taken_today, agents[1].cap_today) = (9, Some(9));
    let asked = request(cases, agents);
    let answer = assign(&asked, &predicted(&[600.0; 15]), &AssignSettings::default()).unwrap();
    assert_eq!(pairs(&answer), [("late", "ann"), ("near", "ann")]);
    let reasons: Vec<_> = answer
        .left
        .iter()
        .map(|left| (left.case.as_str(), left.reason))
        .collect();
    use LeftReason::{NoLanguage, NoRoom, NoSkill, Outweighed};
    assert_eq!(
        reasons,
        [("fresh", Outweighed), ("law", NoSkill), ("french", NoLanguage)]
    );
    assert_eq!(answer.left[1].why, "none of the 3 agents has all of: law");
    let capped = request(vec![case("c", 1.0)], asked.agents[1..].to_vec());
    let answer = assign(&capped, &predicted(&[1.0; 2]), &AssignSettings::default()).unwrap();
    assert_eq!(answer.left[0].reason, NoRoom);
    let none = assign(
        &request(vec![case("c", 1.0)], vec![]),
        &predicted(&[]),
        &AssignSettings::default(),
    )
    .unwrap();
    assert_eq!(none.left[0].reason, LeftReason::NoAgent);
}

#[test]
fn a_dear_pair_is_better_than_waiting_and_the_less_burdened_comes_first() {
    let dear = request(vec![case("c", 0.0)], vec![agent("ann", 1)]);
    let answer = assign(&dear, &predicted(&[90_000.0]), &AssignSettings::default()).unwrap();
    assert_eq!(pairs(&answer), [("c", "ann")]);
    let mut agents = vec![agent("ann", 1), agent("bob", 1)];
    agents[0].taken_today = 7;
    let answer = assign(
        &request(vec![case("c", 0.0)], agents),
        &predicted(&[50.0; 2]),
        &AssignSettings::default(),
    );
    assert_eq!(pairs(&answer.unwrap()), [("c", "bob")]);
}

#[test]
fn what_cannot_be_assigned_is_refused_by_its_path() {
    let good = request(vec![case("c", 1.0)], vec![agent("a", 1)]);
    let error = |asked: &AssignRequest, given: &Predicted, settings: &AssignSettings| {
        assign(asked, given, settings).unwrap_err().to_string()
    };
    let plain = AssignSettings::default();
    let message = error(&good, &predicted(&[]), &plain);
    assert_eq!(
        message,
        "$.predicted.handle_s: expected 1 numbers, one a pair, found 0 numbers"
    );
    assert!(error(&good, &predicted(&[f64::NAN]), &plain).starts_with("$.predicted.handle_s[0]"));
    let mut twice = good.clone();
    twice.cases.push(case("c", 2.0));
    assert!(error(&twice, &predicted(&[1.0; 2]), &plain).starts_with("$.cases[1].id"));
    let mut late = good.clone();
    late.cases[0].service_level_s = 0.0;
    assert!(error(&late, &predicted(&[1.0]), &plain).starts_with("$.cases[0].service_level_s"));
    let bold = AssignSettings {
        exploration: 1.5,
        ..plain
    };
    assert!(error(&good, &predicted(&[1.0]), &bold).starts_with("$.settings.exploration"));
}

fn exploring(exploration: f64, seed: u64) -> AssignSettings {
    AssignSettings {
        exploration,
        seed,
        temperature_s: 100.0,
        ..AssignSettings::default()
    }
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A request of equal agents but for their times, each pair's by a fixed mix of numbers.
fn mixed_request(number: usize, (cases, agents, capacity): (usize, usize, u32)) -> (AssignRequest, Predicted) {
    let mix = |at: usize| mixed(at as u64) as usize % 300;
    let waiting = (0..cases)
        .map(|at| case(&format!("c{at}"), (mix(number + at) % 150) as f64))
        .collect();
    let free = (0..agents).map(|at| agent(&format!("a{at}"), capacity)).collect();
    let mut asked = request(waiting, free);
    asked.id = format!("r{number}");
    let times: Vec<f64> = (0..cases * agents)
        .map(|at| 100.0 + mix(number * 1_000 + at * 7) as f64)
        .collect();
    (asked, predicted(&times))
}

#[test]
fn a_propensity_is_how_often_a_choice_is_made() {
    // One case draws among agents of which one has no room: over many seeds its choices come as often as it says.
    let (asked, times) = mixed_request(3, (1, 4, 1));
    let known = propensities(&asked, &times, &exploring(0.4, 0)).unwrap();
    let mut counts = [0.0; 4];
    for seed in 0..20_000 {
        let answer = propensities(&asked, &times, &exploring(0.4, seed)).unwrap();
        counts[answer.chosen[0].unwrap()] += 1.0 / 20_000.0;
    }
    for (agent, count) in counts.iter().enumerate() {
        assert!(
            (count - known.of(0, Some(agent))).abs() < 0.01,
            "{count} {}",
            known.of(0, Some(agent))
        );
    }
    assert_eq!(known.of(0, None), 0.0);
}

#[test]
fn inverse_propensities_are_right_on_the_average_where_cases_compete() {
    // The mean of [chosen] / propensity is 1 for each choice that is always possible.
    let (asked, times) = mixed_request(5, (4, 3, 1));
    let mut sums = [0.0; 3];
    let mut possible = [0.0; 3];
    for seed in 0..20_000 {
        let answer = propensities(&asked, &times, &exploring(0.5, seed)).unwrap();
        for agent in 0..3 {
            let propensity = answer.of(1, Some(agent));
            possible[agent] += f64::from(u8::from(propensity > 0.0)) / 20_000.0;
            if answer.chosen[1] == Some(agent) {
                sums[agent] += 1.0 / propensity / 20_000.0;
            }
        }
    }
    for (sum, possible) in sums.iter().zip(possible) {
        assert!((sum - possible).abs() < 0.06, "{sum} {possible}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn propensities_are_a_distribution_and_rules_hold_when_exploring(
        number in 0..1000usize, cases in 1..9usize, agents in 1..6usize, capacity in 0..3u32, exploration in 0.0..1.0f64,
    ) {
        let (asked, times) = mixed_request(number, (cases, agents, capacity));
        let settings = exploring(exploration, 1);
        let known = propensities(&asked, &times, &settings).unwrap();
        let mut rooms = vec![capacity; agents];
        for case in 0..cases {
            let all: f64 = (0..agents).map(|agent| known.of(case, Some(agent))).sum();
            prop_assert!((all + known.of(case, None) - 1.0).abs() < 1e-9);
            prop_assert!(known.of(case, known.chosen[case]) > 0.0);
            if let Some(agent) = known.chosen[case] {
                prop_assert!(rooms[agent] > 0);
                rooms[agent] -= 1;
            }
        }
        prop_assert_eq!(assign(&asked, &times, &settings).unwrap(), assign(&asked, &times, &settings).unwrap());
        let still = propensities(&asked, &times, &exploring(0.0, 1)).unwrap();
        prop_assert!((0..cases).all(|case| still.of(case, still.chosen[case]) == 1.0));
    }
}

/// Records of an exploring policy in a desk where each pair earns a known amount, with noise; and what the judged policy,
/// which minds only outcomes, would earn there.
fn judged(start: usize, requests: usize) -> (Judgement, f64) {
    let share = |number: usize, case: usize, agent: usize, which: usize| {
        mixed((((number * 8 + case) * 8 + agent) * 2 + which) as u64) as f64 / u64::MAX as f64
    };
    let truth = |number, case, agent| share(number, case, agent, 0);
    let other = AssignSettings {
        handle_weight: 0.0,
        ..AssignSettings::default()
    };
    let names: Vec<String> = (start..start + requests).map(|number| number.to_string()).collect();
    let (mut rows, mut earned) = (Vec::new(), 0.0);
    for (at, name) in names.iter().enumerate() {
        let number = start + at;
        let (asked, mut given) = mixed_request(number, (4, 4, 4));
        given.outcome = (0..16).map(|pair| truth(number, pair / 4, pair % 4)).collect();
        let made = propensities(&asked, &given, &exploring(0.6, 9)).unwrap();
        let wanted = propensities(&asked, &given, &other).unwrap();
        for case in 0..4 {
            let agent = made.chosen[case].unwrap();
            let noise = share(number, case, agent, 1) - 0.5;
            // A prediction that is off by a constant: the doubly robust estimate must not care.
            let guess = |agent: usize| truth(number, case, agent) + 0.2;
            let target = wanted.chosen[case].unwrap();
            earned += truth(number, case, target);
            rows.push(LoggedChoice {
                request: name,
                reward: truth(number, case, agent) + noise,
                propensity: made.of(case, Some(agent)),
                judged: wanted.of(case, Some(agent)),
                predicted: Some((guess(agent), guess(target))),
            });
        }
    }
    (judge(&rows).unwrap(), earned / rows.len() as f64)
}

#[test]
fn another_policy_is_judged_within_its_interval() {
    let (mut covered, mut supported) = ([0; 3], 0.0f64);
    for start in 0..60 {
        let (judgement, truth) = judged(start * 1_000, 250);
        let robust = judgement.doubly_robust.unwrap();
        for (count, one) in covered
            .iter_mut()
            .zip([judgement.inverse, judgement.self_normalised, robust])
        {
            *count += i32::from((one.low..=one.high).contains(&truth));
        }
        supported += judgement.supported / 60.0;
        assert!(
            judgement.logged.value < truth,
            "the judged policy is better: {judgement:?} {truth}"
        );
        assert!(robust.standard_error < judgement.inverse.standard_error);
    }
    assert!((supported - 1.0).abs() < 0.02, "{supported}");
    // 57 of 60 are expected; 52 or fewer would be met by chance once in a hundred times.
    assert!(covered.iter().all(|count| *count >= 52), "{covered:?}");
}

#[test]
fn records_that_say_nothing_are_refused_and_a_policy_judged_by_itself_is_the_mean() {
    let row = LoggedChoice {
        request: "a",
        reward: 1.0,
        propensity: 1.0,
        judged: 1.0,
        predicted: None,
    };
    assert!(judge(&[]).is_none());
    assert!(judge(&[LoggedChoice { propensity: 0.0, ..row }]).is_none());
    assert!(
        judge(&[LoggedChoice {
            reward: f64::NAN,
            ..row
        }])
        .is_none()
    );
    let rows = [
        row,
        LoggedChoice {
            request: "b",
            reward: 0.0,
            ..row
        },
        LoggedChoice {
            request: "b",
            reward: 0.5,
            ..row
        },
    ];
    let judgement = judge(&rows).unwrap();
    assert_eq!(
        (judgement.inverse, judgement.self_normalised),
        (judgement.logged, judgement.logged)
    );
    assert_eq!(
        (judgement.rows, judgement.requests, judgement.effective_rows),
        (3, 2, 3.0)
    );
    assert!(judgement.doubly_robust.is_none() && judgement.logged.value == 0.5);
}
