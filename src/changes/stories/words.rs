//! The words in which stories are told: workloads as the API server shows them after what was done, and what is wrong at their pods.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Story;
use crate::{
    changes::{Symptom, rollouts},
    cluster::ObjectRef,
    findings::{ConditionClass, Finding, Impact, Level, LogOf},
    incidents::Confidence,
};

/// A minute, in seconds. Times of stories are seconds after it broke, so what was before is negative.
pub(super) const MIN: i64 = 60;
pub(super) const HOUR: i64 = 60 * MIN;

/// A Deployment and its `ReplicaSet`s.
#[derive(Clone)]
pub(super) struct App {
    template: Value,
    sets: Vec<Set>,
    number: u64,
    manager: &'static str,
    changed: i64,
    keeps: usize,
}

#[derive(Clone)]
struct Set {
    name: String,
    created: i64,
    numbers: Vec<u64>,
    template: Value,
}

/// A Deployment that runs for three days.
pub(super) fn app() -> App {
    new_app(-72 * HOUR)
}

/// A Deployment that is made then.
pub(super) fn new_app(at: i64) -> App {
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": 8080}});
    let template = json!({
        "metadata": {"labels": {"app": "api", "tier": "web"}, "annotations": {}},
        "spec": {
            "nodeSelector": {}, "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            "containers": [
                {
                    "name": "api", "image": "ghcr.io/shop/api:5.7.0",
                    "resources": {"limits": {"memory": "512Mi", "cpu": "1"}, "requests": {"memory": "256Mi", "cpu": "100m"}},
                    "env": [{"name": "DEPLOY_ENV", "value": "prod"}], "ports": [{"name": "http", "containerPort": 8080}],
                    "readinessProbe": probe("/health"), "livenessProbe": probe("/live")
                },
                {"name": "proxy", "image": "envoy:1.30.0", "resources": {"limits": {"memory": "128Mi"}}}
            ]
        }
    });
    let mut app = App { template, sets: Vec::new(), number: 0, manager: "kubectl-create", changed: at, keeps: 10 };
    app.put_in_force(at);
    app
}

impl App {
    /// Sets fields of the template, by where they are, and rolls that out.
    pub(super) fn then<const N: usize>(mut self, at: i64, fields: [(&str, Value); N]) -> Self {
        for (path, value) in fields {
            let (parent, key) = path.rsplit_once('/').unwrap();
            let parent = self.template.pointer_mut(parent).unwrap();
            parent.as_object_mut().unwrap().insert(key.replace("~1", "/"), value);
        }
        self.manager = "kubectl-edit";
        self.put_in_force(at);
        self
    }

    /// `kubectl rollout undo --to-revision`: the version keeps its object and gets a new number.
    pub(super) fn back_to(mut self, at: i64, number: u64) -> Self {
        let set = self.sets.iter_mut().find(|set| set.numbers.contains(&number)).unwrap();
        self.number += 1;
        set.numbers.push(self.number);
        self.template = set.template.clone();
        (self.manager, self.changed) = ("kubectl-rollout", at);
        self
    }

    /// `revisionHistoryLimit`.
    pub(super) fn keeps(mut self, versions: usize) -> Self {
        self.keeps = versions;
        self
    }

    fn put_in_force(&mut self, at: i64) {
        self.number += 1;
        let name = format!("api-{:08x}", self.number * 2_654_435);
        self.sets.push(Set { name, created: at, numbers: vec![self.number], template: self.template.clone() });
        self.changed = at;
    }

    fn owner() -> ObjectRef {
        ObjectRef { kind: Cow::Borrowed("Deployment"), namespace: "shop".into(), name: "api".into() }
    }

    fn name_of(&self, number: u64) -> String {
        self.sets.iter().find(|set| set.numbers.contains(&number)).map(|set| set.name.clone()).unwrap()
    }

    /// As the API server shows it.
    fn workload(&self) -> Value {
        json!({"kind": "Deployment", "metadata": {"name": "api", "namespace": "shop", "managedFields": [
            {"manager": self.manager, "operation": "Update", "time": time(self.changed), "fieldsV1": {"f:spec": {"f:template": {}}}},
            // The autoscaler scales, the controller tells how far it is.
            {"manager": "kube-controller-manager", "operation": "Update", "subresource": "scale", "time": time(0),
             "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        ]}, "spec": {"replicas": 2, "template": self.template}})
    }

    fn versions(&self) -> Vec<Value> {
        let mut sets: Vec<&Set> = self.sets.iter().collect();
        sets.sort_by_key(|set| set.numbers.last().copied());
        sets.drain(..sets.len().saturating_sub(self.keeps + 1));
        let ran = json!({
            "kind": "Job", "metadata": {"name": "api-report-29310", "creationTimestamp": time(-MIN)},
            "spec": {"template": {"spec": {"containers": [{"name": "report", "image": "ghcr.io/shop/report:9"}]}}}
        });
        // What a CronJob ran just before is no version of anything.
        sets.into_iter().map(Set::object).chain([ran]).collect()
    }
}

impl Set {
    fn object(&self) -> Value {
        let (number, before) = self.numbers.split_last().unwrap();
        let mut annotations = json!({"deployment.kubernetes.io/revision": number.to_string()});
        if !before.is_empty() {
            let before: Vec<String> = before.iter().map(ToString::to_string).collect();
            annotations["deployment.kubernetes.io/revision-history"] = json!(before.join(","));
        }
        json!({
            "kind": "ReplicaSet", "spec": {"template": self.template},
            "metadata": {"name": self.name, "creationTimestamp": time(self.created), "annotations": annotations}
        })
    }
}

pub(super) fn time(at: i64) -> Timestamp {
    "2026-11-24T14:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(at)
}

/// What broke at 0.
#[derive(Clone)]
pub(super) struct Broke {
    classes: Vec<(ConditionClass, Option<&'static str>)>,
    pods_of: Vec<u64>,
    spares: Vec<u64>,
    elsewhere: usize,
}

/// What is wrong, and the container at which it shows if it shows at one.
pub(super) fn broke<const N: usize>(classes: [(ConditionClass, Option<&'static str>); N]) -> Broke {
    Broke { classes: classes.to_vec(), pods_of: Vec::new(), spares: Vec::new(), elsewhere: 0 }
}

impl Broke {
    /// The rollouts of whose versions the pods are that are hit.
    pub(super) fn pods_of<const N: usize>(mut self, numbers: [u64; N]) -> Self {
        self.pods_of = numbers.to_vec();
        self
    }

    /// The rollouts of whose versions the pods are well.
    pub(super) fn spares<const N: usize>(mut self, numbers: [u64; N]) -> Self {
        self.spares = numbers.to_vec();
        self
    }

    /// How many others broke with it.
    pub(super) fn with_others(mut self, others: usize) -> Self {
        self.elsewhere = others;
        self
    }

    fn finding(class: ConditionClass, container: Option<&str>) -> Finding {
        let log = |container: &str| LogOf {
            namespace: "shop".to_owned(),
            pod: "api-1".to_owned(),
            container: container.to_owned(),
            previous: true,
        };
        Finding {
            check: Cow::Borrowed("story"),
            owner: App::owner(),
            objects: Vec::new(),
            class,
            reason: format!("{class:?}"),
            message: String::new(),
            since: time(0),
            severity: Level::High,
            impact: Impact::default(),
            evidence: Vec::new(),
            recommendation: String::new(),
            cause: None,
            log: container.map(log),
            grace: SignedDuration::ZERO,
        }
    }
}

/// A story: what was done, what broke, which rollout is the cause, and how sure of it one may be at most.
pub(super) fn story(name: &'static str, app: &App, broke: &Broke, right: Option<u64>, at_most: Confidence) -> Story {
    let findings: Vec<_> =
        broke.classes.iter().map(|(class, container)| Broke::finding(*class, *container).into()).collect();
    let symptom = Symptom::of(&findings, None).unwrap();
    Story {
        name,
        rollouts: rollouts(&App::owner(), &app.workload(), &app.versions()),
        symptom: Symptom {
            revisions: broke.pods_of.iter().map(|number| app.name_of(*number)).collect(),
            spared: broke.spares.iter().map(|number| app.name_of(*number)).collect(),
            elsewhere: broke.elsewhere,
            ..symptom
        },
        settings: Vec::new(),
        right: right.map(|number| format!("rollout #{number}")),
        at_most,
    }
}
