//! The policy: a table of what is the matter by how much it matters, compiled in and set row by row in the configuration.

use jiff::SignedDuration;

use super::{Priority, Severity};

/// How many columns the table has.
pub const COLUMNS: usize = 5;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the variants say what they are")]
pub enum Column {
    P0,
    P1,
    P2,
    P3,
    Unlisted,
}

impl Column {
    /// The column of a priority.
    pub fn of(priority: Option<Priority>) -> Self {
        match priority {
            Some(Priority::P0) => Self::P0,
            Some(Priority::P1) => Self::P1,
            Some(Priority::P2) => Self::P2,
            Some(Priority::P3) => Self::P3,
            None => Self::Unlisted,
        }
    }

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::Unlisted => "unlisted",
        }
    }
}

macro_rules! rows {
    ($($(#[doc = $doc:literal])+ $row:ident $name:literal = [$p0:literal, $p1:literal, $p2:literal, $p3:literal, $none:literal];)+) => {
        /// What is the matter: a row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Row {
            $($(#[doc = $doc])+ $row,)+
        }

        impl Row {
            /// Every row.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$row),+];

            /// Its key in the configuration.
            pub fn key(self) -> &'static str {
                match self {
                    $(Self::$row => concat!("severity.", $name),)+
                }
            }

            /// What is the matter, in words.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$row => concat!($($doc),+),)+
                }
            }

            fn default_cells(self) -> [u8; COLUMNS] {
                match self {
                    $(Self::$row => [$p0, $p1, $p2, $p3, $none],)+
                }
            }
        }
    };
}

rows! {
    /// Nothing of the cluster can be seen.
    Blind "blind" = [1, 1, 1, 1, 1];
    /// A part of the cluster cannot be seen.
    PartlyBlind "partly_blind" = [2, 2, 2, 2, 2];
    /// The only node is down.
    OnlyNodeDown "only_node_down" = [1, 1, 1, 1, 1];
    /// A control-plane node is down.
    ControlPlaneNodeDown "control_plane_node_down" = [1, 1, 1, 1, 1];
    /// A worker node is down.
    WorkerNodeDown "worker_node_down" = [2, 2, 2, 2, 2];
    /// Several workloads cannot pull their images from the same registry.
    RegistryDown "registry_down" = [3, 3, 3, 3, 3];
    /// The ingress controller, cluster DNS, or the only API server or etcd serves nobody.
    EssentialUnserved "essential_unserved" = [1, 1, 1, 4, 1];
    /// A part of the control plane is down or degraded, and another one does its work.
    ControlPlane "control_plane" = [2, 2, 2, 4, 2];
    /// Nothing is ready.
    Unserved "unserved" = [1, 3, 3, 4, 2];
    /// Nothing is ready for longer than it may be down, or nothing is ready and a P0 service needs it.
    UnservedTooLong "unserved_too_long" = [1, 2, 3, 4, 2];
    /// Nothing is ready yet since it was created, and its first rollout still has time.
    FirstRollout "first_rollout" = [1, 3, 3, 4, 3];
    /// Two or more P0 services are hit at once: they serve nobody, or are degraded for over 2 min.
    P0AtOnce "p0_at_once" = [1, 1, 1, 1, 1];
    /// A volume is full or about to be.
    VolumeFull "volume_full" = [2, 2, 3, 4, 2];
    /// About to reach a limit of memory or of a volume.
    NearLimit "near_limit" = [2, 3, 4, 4, 3];
    /// A rollout does not get on, and the old pods serve.
    BadRollout "bad_rollout" = [2, 2, 4, 4, 3];
    /// A Service that nobody served yet has no endpoints.
    NoEndpoints "no_endpoints" = [2, 3, 4, 4, 3];
    /// Something is wrong, and it serves; or nothing is ready, but not for long yet.
    Degraded "degraded" = [2, 3, 4, 4, 3];
    /// A Job failed.
    JobFailed "job_failed" = [2, 2, 3, 4, 3];
    /// A CronJob does not run when it is due.
    CronStopped "cron_stopped" = [2, 2, 3, 4, 3];
    /// The API server refuses writes, because a webhook has no backend.
    WebhookDown "webhook_down" = [1, 1, 1, 4, 1];
    /// An API of the cluster is not served.
    ApiDown "api_down" = [2, 2, 2, 4, 2];
    /// The metrics API is not served: nothing is measured.
    MetricsDown "metrics_down" = [3, 3, 3, 4, 3];
    /// A certificate has expired.
    CertificateExpired "certificate_expired" = [2, 2, 2, 4, 2];
    /// A certificate expires within a day.
    CertificateExpires "certificate_expires" = [2, 2, 2, 4, 2];
    /// A certificate is not renewed.
    CertificateNotRenewed "certificate_not_renewed" = [3, 3, 3, 4, 3];
    /// An Ingress leads nowhere.
    IngressBroken "ingress_broken" = [2, 2, 3, 4, 3];
    /// An autoscaler cannot scale.
    ScalingBroken "scaling_broken" = [3, 3, 3, 4, 3];
    /// A volume that nobody uses has failed.
    VolumeFailed "volume_failed" = [3, 3, 3, 4, 3];
    /// Something is being deleted and does not go.
    StuckTerminating "stuck_terminating" = [3, 3, 3, 4, 3];
    /// The only node, or a control-plane node, is short of memory, disk or processes.
    EssentialNodeShort "essential_node_short" = [2, 2, 2, 4, 2];
    /// A node is short of something, and its pods are hit.
    NodeShortAndHit "node_short_and_hit" = [2, 2, 2, 4, 2];
    /// A node is short of something, and its pods run.
    NodeShort "node_short" = [3, 3, 3, 4, 3];
    /// A known issue of the catalogue, within its bound.
    KnownIssue "known_issue" = [4, 4, 4, 4, 4];
}

/// The table, and the numbers beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    cells: [[Severity; COLUMNS]; Row::ALL.len()],
    /// How long a service may serve nobody if its entry in the catalogue does not say.
    pub max_downtime: SignedDuration,
    /// From so many reopenings on a problem counts as recurring, and is raised by one level; 0: never.
    pub recurs_from: u32,
}

impl Default for Policy {
    fn default() -> Self {
        let severity = |number: u8| match number {
            1 => Severity::Sev1,
            2 => Severity::Sev2,
            3 => Severity::Sev3,
            _ => Severity::Sev4,
        };
        Self {
            cells: Row::ALL.map(|row| row.default_cells().map(severity)),
            max_downtime: SignedDuration::from_mins(5),
            recurs_from: 3,
        }
    }
}

impl Policy {
    /// The severity of a row in a column.
    pub fn cell(&self, row: Row, column: Column) -> Severity {
        // Both indices are numbers of the table itself; a table that had no such cell would be as bad as anything.
        self.cells.get(row as usize).and_then(|cells| cells.get(column as usize)).copied().unwrap_or(Severity::Sev2)
    }

    /// A row as it is set.
    pub fn row(&self, row: Row) -> [Severity; COLUMNS] {
        self.cells.get(row as usize).copied().unwrap_or([Severity::Sev2; COLUMNS])
    }

    /// Sets a row.
    pub fn set(&mut self, row: Row, cells: [Severity; COLUMNS]) {
        if let Some(there) = self.cells.get_mut(row as usize) {
            *there = cells;
        }
    }
}
