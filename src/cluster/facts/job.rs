//! Jobs and CronJobs.

use super::{Condition, Meta, ObjectReference, Text, Time, has_meta, slim};

slim! {
    /// A Job.
    Job {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<JobSpec>,
        #[prost(message, optional, tag = "3")] status: Option<JobStatus>,
    }
    /// What a Job asks for.
    JobSpec {
        #[prost(int32, optional, tag = "1")] parallelism: Option<i32>,
        #[prost(int32, optional, tag = "2")] completions: Option<i32>,
        #[prost(int64, optional, tag = "3")] active_deadline_seconds: Option<i64>,
        #[prost(message, optional, tag = "6")] template: Option<JobPodTemplate>,
        #[prost(int32, optional, tag = "7")] backoff_limit: Option<i32>,
        #[prost(bool, tag = "10")] suspend: bool,
    }
    /// The template of a Job's pods; only its labels are read.
    JobPodTemplate {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
    }
    /// Where a Job is.
    JobStatus {
        #[prost(message, repeated, tag = "1")] conditions: Box<[Condition]>,
        #[prost(message, optional, tag = "2")] start_time: Option<Time>,
        #[prost(message, optional, tag = "3")] completion_time: Option<Time>,
        #[prost(int32, tag = "4")] active: i32,
        #[prost(int32, tag = "5")] succeeded: i32,
        #[prost(int32, tag = "6")] failed: i32,
    }
    /// A CronJob.
    CronJob {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<CronJobSpec>,
        #[prost(message, optional, tag = "3")] status: Option<CronJobStatus>,
    }
    /// What a CronJob asks for.
    CronJobSpec {
        #[prost(string, tag = "1")] schedule: Text,
        #[prost(string, tag = "8")] time_zone: Text,
        #[prost(string, tag = "3")] concurrency_policy: Text,
        #[prost(bool, tag = "4")] suspend: bool,
        #[prost(message, optional, tag = "5")] job_template: Option<JobTemplate>,
    }
    /// The template of a CronJob's Jobs.
    JobTemplate {
        #[prost(message, optional, tag = "2")] spec: Option<JobSpec>,
    }
    /// Where a CronJob is.
    CronJobStatus {
        #[prost(message, repeated, tag = "1")] active: Box<[ObjectReference]>,
        #[prost(message, optional, tag = "4")] last_schedule_time: Option<Time>,
        #[prost(message, optional, tag = "5")] last_successful_time: Option<Time>,
    }
}
has_meta!(Job, CronJob);

impl Job {
    /// The condition by which it ended (`Complete`, `Failed`), if it did.
    pub fn ended(&self, kind: &str) -> Option<&Condition> {
        self.status.as_ref()?.conditions.iter().find(|c| c.kind == kind && c.status == "True")
    }
}
