//! How many requests at once: so many are worked on, so many wait, one more is refused. Tenants take turns, whoever came
//! first within each: one that sends much waits for itself, not the others for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::refusal::Refusal;
use crate::config::ServiceLimits;

/// Whose request it is; none where the service is not told.
pub(crate) type Tenant = Option<String>;

/// The places and the turns.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    state: Arc<Mutex<State>>,
    limit: usize,
    wait: Duration,
}

#[derive(Debug)]
struct State {
    /// Places that are taken, by tenant.
    places: HashMap<Tenant, usize>,
    taken: usize,
    /// Turns that nobody has.
    free: usize,
    /// The tenants that wait, in the order of their next turns.
    lines: VecDeque<(Tenant, VecDeque<oneshot::Sender<Turn>>)>,
}

/// A place in the queue. Dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Admission,
    tenant: Tenant,
}

/// The right to be worked on. Dropped, the next one has it.
#[derive(Debug)]
pub(crate) struct Turn(Option<Admission>);

impl Admission {
    /// Everything is free.
    pub(crate) fn new(limits: &ServiceLimits) -> Self {
        let state = State { places: HashMap::new(), taken: 0, free: limits.runs, lines: VecDeque::new() };
        Self { state: Arc::new(Mutex::new(state)), limit: limits.runs + limits.queue, wait: limits.queue_wait }
    }

    /// A place, if one is free. A tenant that is named has half of them at most.
    pub(crate) fn place(&self, tenant: Tenant) -> Result<Place, Refusal> {
        let most = if tenant.is_some() { self.limit.div_ceil(2) } else { self.limit };
        let mut state = self.lock();
        if state.taken >= self.limit || state.places.get(&tenant).is_some_and(|taken| *taken >= most) {
            return Err(Refusal::Busy { limit: self.limit });
        }
        state.taken += 1;
        *state.places.entry(tenant.clone()).or_default() += 1;
        Ok(Place { admission: self.clone(), tenant })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a turn to whoever is next.
    fn pass_on(&self) {
        while let Some(next) = self.next() {
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // It has gone away: the turn is the next one's, not given back.
                Err(mut turn) => turn.0 = None,
            }
        }
    }

    /// Who is next; when nobody waits the turn is free.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut state = self.lock();
        let Some((tenant, mut line)) = state.lines.pop_front() else {
            state.free += 1;
            return None;
        };
        let next = line.pop_front();
        if !line.is_empty() {
            state.lines.push_back((tenant, line));
        }
        next
    }

    /// A turn, or a place in the tenant's line.
    fn ask(&self, tenant: &Tenant) -> Result<Turn, oneshot::Receiver<Turn>> {
        let mut state = self.lock();
        if state.free > 0 {
            state.free -= 1;
            return Ok(Turn(Some(self.clone())));
        }
        let (turn, waiting) = oneshot::channel();
        match state.lines.iter_mut().find(|(other, _)| other == tenant) {
            Some((_, line)) => line.push_back(turn),
            None => state.lines.push_back((tenant.clone(), VecDeque::from([turn]))),
        }
        Err(waiting)
    }
}

impl Place {
    /// Waits for this place's turn for a bounded time.
    pub(crate) async fn turn(&self) -> Result<Turn, Refusal> {
        let waiting = match self.admission.ask(&self.tenant) {
            Ok(turn) => return Ok(turn),
            Err(waiting) => waiting,
        };
        let wait = self.admission.wait;
        match tokio::time::timeout(wait, waiting).await {
            Ok(turn) => Ok(turn.expect("whoever waits in a line gets a turn")),
            Err(_) => Err(Refusal::QueueTimeout { limit: wait }),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        state.taken -= 1;
        if let Some(taken) = state.places.get_mut(&self.tenant) {
            *taken -= 1;
            if *taken == 0 {
                state.places.remove(&self.tenant);
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(admission) = &self.0 {
            admission.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(runs: usize, queue: usize, wait: Duration) -> Admission {
        Admission::new(&ServiceLimits {
            runs,
            queue,
            queue_wait: wait,
            body_bytes: 1,
            body_wait: Duration::from_secs(1),
            connections: 1,
            header_wait: Duration::from_secs(1),
            drain: Duration::from_secs(1),
        })
    }

    fn tenant(name: &str) -> Tenant {
        Some(name.to_owned())
    }

    #[tokio::test]
    async fn one_runs_one_waits_one_is_refused() {
        let admission = admission(1, 1, Duration::from_millis(1));
        let place = admission.place(None).unwrap();
        let first = place.turn().await.unwrap();
        let second = admission.place(None).unwrap();
        assert_eq!(admission.place(None).unwrap_err().code(), "busy");
        assert_eq!(second.turn().await.unwrap_err().code(), "queue-timeout");
        drop((first, place, second));
        assert!(admission.place(None).unwrap().turn().await.is_ok());
    }

    #[tokio::test]
    async fn tenants_take_turns() {
        let admission = admission(1, 9, Duration::from_secs(10));
        let holder = admission.place(None).unwrap();
        let running = holder.turn().await.unwrap();
        let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
        for name in ["a", "a", "a", "b"] {
            let place = admission.place(tenant(name)).unwrap();
            let done = done.clone();
            tokio::spawn(async move {
                let turn = place.turn().await.unwrap();
                done.send(name).unwrap();
                drop(turn);
            });
            tokio::task::yield_now().await;
        }
        drop(running);
        let mut names = Vec::new();
        while names.len() < 4 {
            names.push(order.recv().await.unwrap());
        }
        assert_eq!(names, ["a", "b", "a", "a"]);
    }

    #[tokio::test]
    async fn one_tenant_leaves_places_to_others() {
        let admission = admission(1, 3, Duration::from_secs(1));
        let _places = [admission.place(tenant("a")).unwrap(), admission.place(tenant("a")).unwrap()];
        assert_eq!(admission.place(tenant("a")).unwrap_err().code(), "busy");
        assert!(admission.place(tenant("b")).is_ok());
    }

    #[tokio::test]
    async fn who_goes_away_loses_no_turn() {
        let admission = admission(1, 3, Duration::from_secs(1));
        let place = admission.place(None).unwrap();
        let turn = place.turn().await.unwrap();
        let other = admission.place(None).unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(1), other.turn()).await.is_err());
        drop(turn);
        assert!(other.turn().await.is_ok());
    }
}
