//! Certificates of cert-manager: whether they are issued, and until when they are valid.

use jiff::Timestamp;

use super::{Condition, List, Meta, Text, Time, has_meta, slim};

slim! {
    /// A Certificate. A custom resource comes as JSON only: the tags are not those of anybody.
    Certificate {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<CertificateSpec>,
        #[prost(message, optional, tag = "3")] status: Option<CertificateStatus>,
    }
    /// What a certificate is for.
    CertificateSpec {
        #[prost(string, tag = "1")] secret_name: Text,
        #[prost(string, repeated, tag = "2")] dns_names: List<Text>,
    }
    /// Where a certificate is.
    CertificateStatus {
        #[prost(message, repeated, tag = "1")] conditions: Box<[Condition]>,
        #[prost(message, optional, tag = "2")] not_after: Option<Time>,
        #[prost(message, optional, tag = "3")] last_failure_time: Option<Time>,
        #[prost(message, optional, tag = "4")] renewal_time: Option<Time>,
    }
}
has_meta!(Certificate);

impl Certificate {
    /// The condition of that type, if cert-manager set it.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.as_ref()?.conditions.iter().find(|c| c.kind == kind)
    }

    /// When it is to be renewed next.
    pub fn renewal(&self) -> Option<Timestamp> {
        self.status.as_ref()?.renewal_time.map(Time::at)
    }

    /// Until when the certificate that is in use is valid; None if there is none.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.status.as_ref()?.not_after.map(Time::at)
    }
}
