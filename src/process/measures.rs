//! How full things are: the meters are read in a task of their own, and what comes back is judged where it is near a limit.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{Mind, incidents};
use crate::{
    app::Site,
    clients::kubernetes::{Kubelet, ReadError, Volumes},
    cluster::{Fact, Kind, Measured, Meter, ObjectRef, Visibility},
    config::Detection,
    event::Event,
    findings::ConditionClass,
};

/// How often the kubelets are asked: each is a connection of its own, and volumes fill slowly.
const VOLUMES_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// A meter that is not there or not allowed is tried again after this.
const MISSING_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// When each meter is read next.
#[derive(Debug, Default)]
pub(super) struct Meters {
    memory: Option<Timestamp>,
    volumes: Option<Timestamp>,
}

/// What the meters said; None: it was not their turn.
#[derive(Debug)]
pub struct Measurements {
    memory: Option<Result<Vec<Measured>, ReadError>>,
    volumes: Option<Volumes>,
}

/// Reads the meters whose turn it is.
pub(super) fn begin(app: &Arc<Site>, mind: &mut Mind) {
    let now = app.clock.now();
    let is_due = |next: Option<Timestamp>| next.is_none_or(|next| next <= now);
    let kubelets = kubelets(mind);
    let memory = is_due(mind.meters.memory);
    let volumes = is_due(mind.meters.volumes) && !kubelets.is_empty();
    if !memory && !volumes {
        return;
    }
    // Not again while this is under way.
    let later = now.saturating_add(VOLUMES_EVERY).unwrap_or(Timestamp::MAX);
    for (is_read, next) in [(memory, &mut mind.meters.memory), (volumes, &mut mind.meters.volumes)] {
        // The other keeps its turn: one that is read often would put it off for ever.
        if is_read {
            *next = Some(later);
        }
    }
    app.pulse.send_modify(|pulse| pulse.looks += 1);
    let app_of_task = Arc::clone(app);
    app.spawn(async move {
        let kubernetes = &app_of_task.kubernetes;
        let read = async {
            let of_memory = async { if memory { Some(kubernetes.memory_used().await) } else { None } };
            let of_volumes = async { if volumes { Some(kubernetes.volumes_used(kubelets).await) } else { None } };
            tokio::join!(of_memory, of_volumes)
        };
        let Some((memory, volumes)) = app_of_task.stop.run_until_cancelled(read).await else { return };
        app_of_task.send(Event::Measured(Measurements { memory, volumes })).await;
    });
}

/// Takes in what the meters said, and judges what it touched.
pub(super) async fn arrived(app: &Site, mind: &mut Mind, measurements: Measurements) {
    use ConditionClass::{NearLimit, VolumeFull, VolumeNearLimit};
    app.pulse.send_modify(|pulse| pulse.looks = pulse.looks.saturating_sub(1));
    let now = app.clock.now();
    let mut touched = BTreeSet::new();
    if let Some(memory) = measurements.memory {
        let (measured, wrong) = memory.map_or_else(|error| (Vec::new(), Some(error)), |measured| (measured, None));
        mind.meters.memory = Some(next(now, crate::app::MEASURED_EVERY, wrong.as_ref()));
        touched.extend(mind.take(Meter::Metrics, measured, wrong, now));
    }
    if let Some(Volumes { measured, answered, wrong }) = measurements.volumes {
        mind.index.kubelets_answered(answered);
        mind.meters.volumes = Some(next(now, VOLUMES_EVERY, wrong.as_ref()));
        touched.extend(mind.take(Meter::Kubelets, measured, wrong, now));
    }
    // What nobody could measure is unknown; now it may be known to be well, or no longer.
    let is_measured = |class: &ConditionClass| matches!(class, NearLimit | VolumeNearLimit | VolumeFull);
    let told = mind.open.values().filter(|incident| incident.findings.keys().any(is_measured));
    touched.extend(told.map(|incident| incident.owner.clone()));
    if app.config.detection == Detection::Watch {
        incidents::consider(app, mind, touched).await;
    }
}

fn next(now: Timestamp, every: SignedDuration, wrong: Option<&ReadError>) -> Timestamp {
    let wait = match wrong {
        Some(ReadError::Forbidden { .. } | ReadError::NotServed { .. }) => MISSING_AGAIN,
        _ => every,
    };
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// The kubelets of the nodes that say where they listen.
fn kubelets(mind: &Mind) -> Vec<Kubelet> {
    let nodes =
        mind.index.all(Kind::Node).filter_map(|fact| if let Fact::Node(node) = fact { Some(node) } else { None });
    let listening = nodes.filter_map(|node| {
        let (address, port) = node.kubelet()?;
        Some(Kubelet { node: node.meta().name.clone(), address: address.into(), port })
    });
    listening.collect()
}

impl Mind {
    /// What cannot be measured, and why. A cluster without a metrics API is not short of anything.
    pub(super) fn unmeasured(&self) -> Vec<(Meter, String)> {
        let why = |meter| match self.index.usage().meter(meter)? {
            Visibility::Blind { why, .. } => Some((meter, why.clone())),
            Visibility::Seen(_) | Visibility::NotApplicable => None,
        };
        [Meter::Metrics, Meter::Kubelets].into_iter().filter_map(why).collect()
    }

    /// What was measured goes into the index. What could not be measured is near its limit as before, and in time unknown.
    fn take(
        &mut self,
        meter: Meter,
        measured: Vec<Measured>,
        wrong: Option<ReadError>,
        now: Timestamp,
    ) -> BTreeSet<ObjectRef> {
        let mut touched = BTreeSet::new();
        if wrong.is_none() || !measured.is_empty() {
            touched = self.index.take_measured(meter, measured, now);
        }
        let lost = match wrong {
            None => return touched,
            Some(ReadError::NotServed { .. }) => Visibility::NotApplicable,
            Some(error) => Visibility::Blind { since: now, why: error.to_string() },
        };
        touched.extend(self.index.lose_meter(meter, lost));
        touched
    }
}
