//! Candidates against the baseline: differences with their intervals, and what may be advised.

use leak_verdict::statistics::{mean_difference, noise_within};
use serde::Serialize;

use super::{candidates::Candidate, measure::Measured, metric::Metric};

/// How often chance alone may lead to any advice at all.
const ERROR: f64 = 0.05;
/// Of settings that gain about the same, the one that needs least memory is advised: from this part of the best
/// gain on it is about the same.
const ABOUT_THE_SAME: f64 = 0.8;

/// The mean of a metric over the baseline's starts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// Which.
    pub metric: Metric,
    /// The mean.
    pub mean: f64,
}

/// The difference of a candidate to the baseline in one metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Effect {
    /// Which.
    pub metric: Metric,
    /// The candidate's mean.
    pub mean: f64,
    /// Its difference to the baseline's mean as a part of that; `None` when that is zero.
    pub change: Option<f64>,
    /// The lower end of the 95 % interval of `change`.
    pub low: Option<f64>,
    /// Its upper end.
    pub high: Option<f64>,
    /// `Some` when the difference matters and is beyond chance, with all comparisons made taken into account.
    pub judged: Option<Judged>,
}

/// Which way a difference goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judged {
    /// To the better.
    Gain,
    /// To the worse.
    Cost,
}

/// What a setting is advised for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// Less processor time, or more requests per second.
    Speed,
    /// Less memory.
    Memory,
}

/// A setting that is advised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommendation {
    /// The candidate's name.
    pub candidate: String,
    /// What for.
    pub goal: Goal,
    /// Its gains.
    pub gains: Vec<Effect>,
    /// What it costs.
    pub costs: Vec<Effect>,
}

/// The means of the baseline.
pub(super) fn means(baseline: &[Measured]) -> Vec<Mean> {
    let mean = |metric: Metric| {
        let values = values(metric, baseline)?;
        Some(Mean { metric, mean: values.iter().sum::<f64>() / values.len() as f64 })
    };
    Metric::ALL.into_iter().filter_map(mean).collect()
}

/// All differences of each setting's starts to the baseline's. A setting without starts has none.
pub(super) fn effects(baseline: &[Measured], settings: &[&[Measured]]) -> Vec<Vec<Effect>> {
    let mut all = vec![Vec::new(); settings.len()];
    for metric in Metric::ALL {
        let Some(before) = values(metric, baseline) else { continue };
        let after: Vec<Vec<f64>> =
            settings.iter().map(|starts| values(metric, starts).unwrap_or_default()).collect();
        for (effects, effect) in all.iter_mut().zip(of_metric(metric, &before, &after)) {
            effects.extend(effect);
        }
    }
    all
}

/// The differences of each setting in one metric.
fn of_metric(metric: Metric, before: &[f64], after: &[Vec<f64>]) -> Vec<Option<Effect>> {
    // What disturbs a measurement disturbs it by a part of it, so parts are compared: by logarithms, unless a count
    // is zero.
    let by_parts = before.iter().chain(after.iter().flatten()).all(|&value| value > 0.0);
    let scaled = |values: &[f64]| -> Vec<f64> {
        values.iter().map(|&value| if by_parts { value.ln() } else { value }).collect()
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let base = mean(before);
    let part = |difference: f64| {
        if by_parts { Some(difference.exp() - 1.0) } else { (base > 0.0).then(|| difference / base) }
    };
    let (scaled_before, scaled_after) = (scaled(before), after.iter().map(|values| scaled(values)));
    let scaled_after: Vec<Vec<f64>> = scaled_after.collect();
    let mut groups: Vec<&[f64]> = vec![&scaled_before];
    groups.extend(scaled_after.iter().map(Vec::as_slice));
    let noise = noise_within(&groups);
    let comparisons = (after.len() * Metric::DECIDING.len()).max(1) as f64;
    let effect = |(values, scaled): (&Vec<f64>, &Vec<f64>)| {
        let shown = mean_difference(&scaled_before, scaled, noise?, ERROR)?;
        let strict = mean_difference(&scaled_before, scaled, noise?, ERROR / comparisons)?;
        let change = part(shown.difference);
        let threshold = Metric::DECIDING.iter().find(|(deciding, _)| *deciding == metric);
        let matters = threshold.is_some_and(|(_, threshold)| {
            change.is_some_and(|change| change.abs() >= threshold.part)
                && (mean(values) - base).abs() >= threshold.absolute
                && strict.difference.abs() > strict.margin
        });
        let better = (shown.difference > 0.0) == metric.more_is_better();
        Some(Effect {
            metric,
            mean: mean(values),
            change,
            low: part(shown.difference - shown.margin),
            high: part(shown.difference + shown.margin),
            judged: matters.then_some(if better { Judged::Gain } else { Judged::Cost }),
        })
    };
    after.iter().zip(&scaled_after).map(effect).collect()
}

/// A metric of all starts; `None` if one of them lacks it.
fn values(metric: Metric, starts: &[Measured]) -> Option<Vec<f64>> {
    let values: Option<Vec<f64>> = starts.iter().map(|start| metric.of(start)).collect();
    values.filter(|values| !values.is_empty())
}

/// What may be advised: at most one setting for each goal. Memory is not advised to be bought with more time, in
/// parts, than is won.
pub(super) fn recommend(compared: &[(&Candidate, &[Effect])]) -> Vec<Recommendation> {
    let mut advised: Vec<Recommendation> = Vec::new();
    for (goal, metrics) in
        [(Goal::Speed, [Metric::Cpu, Metric::Throughput].as_slice()), (Goal::Memory, &[Metric::PeakResident])]
    {
        let gainers: Vec<_> = compared
            .iter()
            .filter_map(|&(candidate, effects)| Some((candidate, effects, gain(effects, metrics)?)))
            .filter(|(_, effects, gain)| goal != Goal::Memory || cost_in_time(effects) <= *gain)
            .collect();
        let best = gainers.iter().map(|(.., gain)| *gain).fold(0.0, f64::max);
        let chosen = gainers
            .into_iter()
            .filter(|(.., gain)| *gain >= best * ABOUT_THE_SAME)
            .min_by(|(_, a, _), (_, b, _)| resident(a).total_cmp(&resident(b)));
        let Some((candidate, effects, _)) = chosen else { continue };
        // One setting that serves both goals is told once.
        if advised.iter().any(|other| other.candidate == candidate.name) {
            continue;
        }
        let judged = |wanted: Judged| effects.iter().filter(|e| e.judged == Some(wanted)).copied().collect();
        advised.push(Recommendation {
            candidate: candidate.name.clone(),
            goal,
            gains: judged(Judged::Gain),
            costs: judged(Judged::Cost),
        });
    }
    advised
}

/// The largest gain in any of these metrics. A setting that costs in one of them is no gain in the others.
fn gain(effects: &[Effect], metrics: &[Metric]) -> Option<f64> {
    let of_goal = || effects.iter().filter(|effect| metrics.contains(&effect.metric));
    if of_goal().any(|effect| effect.judged == Some(Judged::Cost)) {
        return None;
    }
    let gains = of_goal().filter(|effect| effect.judged == Some(Judged::Gain));
    gains.filter_map(|effect| effect.change).map(f64::abs).max_by(f64::total_cmp)
}

/// The largest cost in processor time or throughput.
fn cost_in_time(effects: &[Effect]) -> f64 {
    let costs = effects
        .iter()
        .filter(|effect| effect.judged == Some(Judged::Cost) && effect.metric != Metric::PeakResident);
    costs.filter_map(|effect| effect.change).map(f64::abs).fold(0.0, f64::max)
}

fn resident(effects: &[Effect]) -> f64 {
    let resident = effects.iter().find(|effect| effect.metric == Metric::PeakResident);
    resident.map_or(f64::INFINITY, |effect| effect.mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts whose processor time scatters around a mean by a few percent.
    fn starts(cpu: f64, resident: u64, scatter: f64, count: u32) -> Vec<Measured> {
        (0..count)
            .map(|number| {
                let noise = 1.0 + scatter * (f64::from(number % 5) - 2.0) / 2.0;
                Measured {
                    seconds: 2.0,
                    requests: Some(1000),
                    cpu_seconds: cpu * noise,
                    peak_resident: Some((resident as f64 * noise) as u64),
                    ..Measured::default()
                }
            })
            .collect()
    }

    fn named(name: &str) -> Candidate {
        Candidate { name: name.to_owned(), flags: Vec::new(), purpose: String::new(), heeded_late: false }
    }

    fn advice(all: &[(&str, Vec<Measured>)], baseline: &[Measured]) -> Vec<Recommendation> {
        let candidates: Vec<Candidate> = all.iter().map(|(name, _)| named(name)).collect();
        let starts: Vec<&[Measured]> = all.iter().map(|(_, starts)| starts.as_slice()).collect();
        let effects = effects(baseline, &starts);
        let compared: Vec<(&Candidate, &[Effect])> =
            candidates.iter().zip(effects.iter().map(Vec::as_slice)).collect();
        recommend(&compared)
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_gain_is_advised_with_its_cost_and_the_thriftier_of_equals() {
        let baseline = starts(1.0, 100 * MIB, 0.03, 10);
        let all = [
            ("large", starts(0.60, 300 * MIB, 0.03, 5)),
            ("middle", starts(0.62, 180 * MIB, 0.03, 5)),
            ("small", starts(0.90, 110 * MIB, 0.03, 5)),
        ];
        let advised = advice(&all, &baseline);
        assert_eq!(advised.len(), 1, "{advised:?}");
        assert_eq!((advised[0].candidate.as_str(), advised[0].goal), ("middle", Goal::Speed));
        assert_eq!(advised[0].gains.len(), 1);
        let cost = &advised[0].costs[0];
        assert_eq!(cost.metric, Metric::PeakResident);
        assert!((cost.change.unwrap() - 0.8).abs() < 0.01);
        let noisy_neighbour = ("noisy", starts(1.0, 100 * MIB, 0.6, 5));
        assert_eq!(advice(&[all[1].clone(), noisy_neighbour], &baseline)[0].candidate, "middle");
    }

    #[test]
    fn what_is_within_the_noise_or_too_small_is_not_advised() {
        let noisy = starts(1.0, 100 * MIB, 0.3, 10);
        assert_eq!(advice(&[("x", starts(0.9, 95 * MIB, 0.3, 5))], &noisy), []);
        let exact = starts(1.0, 100 * MIB, 0.001, 10);
        assert_eq!(advice(&[("x", starts(0.97, 95 * MIB, 0.001, 5))], &exact), []);
        // A fifth of a small program is not worth a flag.
        let small = starts(1.0, 20 * MIB, 0.001, 10);
        assert_eq!(advice(&[("x", starts(1.0, 16 * MIB, 0.001, 5))], &small), []);
    }

    #[test]
    fn memory_may_be_bought_with_time_if_that_is_said() {
        let baseline = starts(1.0, 400 * MIB, 0.02, 10);
        let advised = advice(&[("tight", starts(1.3, 200 * MIB, 0.02, 5))], &baseline);
        assert_eq!(advised[0].goal, Goal::Memory);
        assert_eq!(advised[0].costs[0].metric, Metric::Cpu);
        assert_eq!(advice(&[("tight", starts(2.0, 200 * MIB, 0.02, 5))], &baseline), []);
    }

    #[test]
    fn zero_is_a_count_and_what_is_absent_is_not() {
        let effects = effects(&starts(1.0, MIB, 0.1, 4), &[&starts(1.0, MIB, 0.1, 4)]).remove(0);
        let of = |metric: Metric| effects.iter().find(|effect| effect.metric == metric);
        assert_eq!(of(Metric::Scavenges).unwrap().change, None);
        assert!(of(Metric::LatencyP99).is_none());
    }
}
