//! What is under way in a run at once: asynchronous operations and timers, counted where they begin. One too many ends the
//! run by name; before [`UnderWay::limit`] there is no bound.
//!
//! deno_core tells of its ops' begin and end to whoever asks (its metrics). An op that is answered at once, and a timer that
//! has fired, count no more. Of some ops (asynchronous methods of platform objects) it tells only the begin, so before a run
//! is ended the ops are counted one by one.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use deno_core::stats::{RuntimeActivityStatsFactory, RuntimeActivityStatsFilter};
use deno_core::{JsRuntime, OpDecl, OpMetricsEvent, OpMetricsFactoryFn, OpMetricsFn, OpMetricsSource};

use super::{channel, watchdog};
use crate::outcome::{Exceeded, LimitKind};
use crate::wire::Start;

/// How many more a run may begin while it is being stopped. It looks up in every call and every turn of a loop.
const STOPPING: u64 = 1000;

/// The counts of one runtime.
pub(crate) struct UnderWay {
    operations: Gauge,
    timers: Gauge,
    recount: OnceCell<RuntimeActivityStatsFactory>,
}

struct Gauge {
    which: LimitKind,
    limit: Cell<u64>,
    now: Cell<u64>,
}

impl UnderWay {
    /// Nothing is under way yet.
    pub(crate) fn new() -> Rc<Self> {
        let gauge = |which| Gauge { which, limit: Cell::new(u64::MAX), now: Cell::new(0) };
        let (operations, timers) = (gauge(LimitKind::Operations), gauge(LimitKind::Timers));
        Rc::new(Self { operations, timers, recount: OnceCell::new() })
    }

    /// From here on a run's limits hold in its runtime.
    pub(crate) fn limit(&self, runtime: &JsRuntime, start: &Start) {
        self.recount.get_or_init(|| runtime.runtime_activity_stats_factory());
        self.operations.limit.set(start.operations as u64);
        self.timers.limit.set(start.timers as u64);
    }

    /// What a runtime calls for each op that counts.
    pub(crate) fn observer(self: &Rc<Self>) -> OpMetricsFactoryFn {
        let operations = self.watch(Self::operation);
        let began = self.watch(|under_way, event, _| {
            if event == OpMetricsEvent::Dispatched {
                under_way.begin(&under_way.timers, |now| now);
            }
        });
        let ended = self.watch(|under_way, event, _| {
            if event == OpMetricsEvent::Dispatched {
                under_way.timers.end();
            }
        });
        Box::new(move |_, _, op: &OpDecl| match op.name {
            "op_timer_track" => Some(began.clone()),
            "op_timer_untrack" => Some(ended.clone()),
            _ if op.is_async => Some(operations.clone()),
            _ => None,
        })
    }

    fn watch(self: &Rc<Self>, notice: impl Fn(&Self, OpMetricsEvent, OpMetricsSource) + 'static) -> OpMetricsFn {
        let under_way = self.clone();
        Rc::new(move |_, event, source| notice(&under_way, event, source))
    }

    fn operation(&self, event: OpMetricsEvent, source: OpMetricsSource) {
        match (event, source) {
            (OpMetricsEvent::Dispatched, _) => {
                self.begin(&self.operations, |now| self.counted().map_or(now, |others| others + 1));
            }
            // Only ops that are never answered at once are called fast: the call is over, the op is not.
            (OpMetricsEvent::Completed, OpMetricsSource::Fast) => {}
            (
                OpMetricsEvent::Completed
                | OpMetricsEvent::CompletedAsync
                | OpMetricsEvent::Error
                | OpMetricsEvent::ErrorAsync,
                _,
            ) => self.operations.end(),
        }
    }

    /// Counts one more. `recount` says, when that is too much, how many there really are.
    fn begin(&self, gauge: &Gauge, recount: impl FnOnce(u64) -> u64) {
        let limit = gauge.limit.get();
        let mut now = gauge.now.get() + 1;
        if now > limit && watchdog::exceeded().is_none() {
            now = recount(now);
        }
        gauge.now.set(now);
        if now <= limit {
            return;
        }
        let exceeded = Exceeded { which: gauge.which, limit, measured: now };
        // A run that does not look up begins ever more.
        if !watchdog::stop_at(exceeded)
            && now > limit.saturating_add(STOPPING)
            && let Some(channel) = channel::get()
        {
            channel.exceeded(exceeded);
        }
    }

    /// The operations under way, one by one. Takes its time.
    fn counted(&self) -> Option<u64> {
        let statistics = self.recount.get()?.clone().capture(&RuntimeActivityStatsFilter::default().with_ops());
        Some(statistics.dump().active.len() as u64)
    }
}

impl Gauge {
    fn end(&self) {
        self.now.set(self.now.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_counts_no_more() {
        let under_way = UnderWay::new();
        let tell = |event, source| under_way.operation(event, source);
        tell(OpMetricsEvent::Dispatched, OpMetricsSource::Async);
        tell(OpMetricsEvent::Completed, OpMetricsSource::Async);
        assert_eq!(under_way.operations.now.get(), 0);
        tell(OpMetricsEvent::Dispatched, OpMetricsSource::Fast);
        tell(OpMetricsEvent::Completed, OpMetricsSource::Fast);
        tell(OpMetricsEvent::Dispatched, OpMetricsSource::Async);
        assert_eq!(under_way.operations.now.get(), 2);
        tell(OpMetricsEvent::CompletedAsync, OpMetricsSource::Async);
        tell(OpMetricsEvent::ErrorAsync, OpMetricsSource::Async);
        assert_eq!(under_way.operations.now.get(), 0);
    }
}
