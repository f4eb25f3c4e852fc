//! The whole table of what explains what, as it is.

use insta::assert_snapshot;

use super::*;

const TOUCHES: [(&str, Touches); 20] = [
    ("image", Touches::Image),
    ("containers", Touches::Containers),
    ("memory", Touches::MemoryLimit),
    ("cpu", Touches::CpuLimit),
    ("requests", Touches::Requests),
    ("startup", Touches::Probe(Probe::Startup)),
    ("readiness", Touches::Probe(Probe::Readiness)),
    ("liveness", Touches::Probe(Probe::Liveness)),
    ("config", Touches::Configuration),
    ("storage", Touches::Storage),
    ("ports", Touches::Ports),
    ("scheduling", Touches::Scheduling),
    ("security", Touches::Security),
    ("identity", Touches::Identity),
    ("restart", Touches::Restart),
    ("scaling", Touches::Scaling),
    ("policy", Touches::Policy),
    ("routes", Touches::Routes),
    ("disruption", Touches::Disruption),
    ("other", Touches::Other),
];

const CLASSES: [ConditionClass; 34] = {
    use ConditionClass::*;
    [
        OutOfMemory,
        NearLimit,
        ImagePull,
        CannotCreateContainer,
        Volume,
        VolumeFull,
        VolumeNearLimit,
        Unschedulable,
        Refused,
        KubeletRefused,
        Crash,
        Evicted,
        NotReady,
        NoEndpoints,
        IngressBroken,
        RolloutStuck,
        ReplicasMissing,
        Many,
        Blind,
        PartlyBlind,
        NodeDown,
        WebhookDown,
        ApiServiceDown,
        MetricsApiDown,
        CertificateExpired,
        CertificateExpires,
        CertificateNotReady,
        NodePressure,
        RegistryDown,
        JobFailed,
        CronStopped,
        StuckTerminating,
        VolumeFailed,
        ScalingBroken,
    ]
};

/// Those of a class that fit so.
fn that(class: ConditionClass, wanted: Fit) -> String {
    let fitting = TOUCHES.iter().filter(|(_, touches)| fit(class, *touches) == wanted);
    fitting.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_makes_a_trouble_and_what_may_lead_to_it_is_this_table() {
    let line = |class: &ConditionClass| {
        let (makes, may) = (that(*class, Fit::Makes), that(*class, Fit::May));
        format!("{class:?}: {makes} | {may}")
    };
    let all: Vec<String> = CLASSES.iter().map(line).filter(|line| !line.ends_with(":  | ")).collect();
    // What is in neither hardly explains it; of classes that are not here that is everything.
    assert_snapshot!(all.join("\n"), @"
    OutOfMemory: memory | image containers cpu config scaling other
    NearLimit: memory | image containers cpu config scaling other
    ImagePull: image containers | scheduling identity
    CannotCreateContainer: containers config storage security | image identity other
    Volume: config storage | image containers scheduling security other
    VolumeFull: config storage | image containers scheduling security other
    VolumeNearLimit: config storage | image containers scheduling security other
    Unschedulable: requests storage scheduling | containers memory cpu ports scaling other
    Refused: containers memory cpu requests scheduling security identity | image config storage ports scaling other
    KubeletRefused: containers memory cpu requests scheduling security identity | image config storage ports scaling other
    Crash: image containers startup liveness config | memory cpu storage ports security identity restart policy other
    Evicted: requests storage | image containers memory other
    NotReady: image containers startup readiness config ports policy | memory cpu storage security identity restart scaling other
    NoEndpoints: readiness ports identity policy | image containers config scaling disruption other
    IngressBroken: readiness ports identity policy routes | image containers config scaling disruption other
    RolloutStuck: image containers memory cpu requests startup readiness liveness config storage ports scheduling security identity other | restart scaling policy disruption
    ReplicasMissing: image containers memory cpu requests startup readiness liveness config storage ports scheduling security identity other | restart scaling policy disruption
    ScalingBroken: scaling |
    ");
}
