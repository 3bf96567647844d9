//! What is under way in a run at once: asynchronous operations and timers, counted where they begin. One too many ends the
//! run by name; before [`UnderWay::limit`] there is no bound.
//!
//! deno_core tells of its ops' begin and end to whoever asks (its metrics). An op that is answered at once, and a timer that
//! has fired, count no more.

use std::cell::Cell;
use std::rc::Rc;

use deno_core::{OpDecl, OpMetricsEvent, OpMetricsFactoryFn, OpMetricsFn, OpMetricsSource};

use super::channel;
use crate::outcome::{Exceeded, LimitKind};
use crate::wire::Start;

/// The counts of one runtime.
#[derive(Debug)]
pub(crate) struct UnderWay {
    operations: Gauge,
    timers: Gauge,
}

#[derive(Debug)]
struct Gauge {
    which: LimitKind,
    limit: Cell<u64>,
    now: Cell<u64>,
}

impl UnderWay {
    /// Nothing is under way yet.
    pub(crate) fn new() -> Rc<Self> {
        let gauge = |which| Gauge { which, limit: Cell::new(u64::MAX), now: Cell::new(0) };
        Rc::new(Self { operations: gauge(LimitKind::Operations), timers: gauge(LimitKind::Timers) })
    }

    /// From here on a run's limits hold.
    pub(crate) fn limit(&self, start: &Start) {
        self.operations.limit.set(start.operations as u64);
        self.timers.limit.set(start.timers as u64);
    }

    /// What a runtime is to be made with.
    pub(crate) fn metrics(self: &Rc<Self>) -> OpMetricsFactoryFn {
        let operations = self.watch(Self::operation);
        let began = self.watch(|under_way, event, _| {
            if event == OpMetricsEvent::Dispatched {
                under_way.timers.begin();
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
            (OpMetricsEvent::Dispatched, _) => self.operations.begin(),
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
}

impl Gauge {
    fn begin(&self) {
        let (now, limit) = (self.now.get() + 1, self.limit.get());
        self.now.set(now);
        if now > limit
            && let Some(channel) = channel::get()
        {
            channel.exceeded(Exceeded { which: self.which, limit, measured: now });
        }
    }

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
