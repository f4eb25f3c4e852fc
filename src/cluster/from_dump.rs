//! A dump (`kubectl get -o json|yaml`: Lists, single objects, multi-document YAML) becomes facts and a list of what was wrong in it.
use super::Fact;
/// What a dump holds.
#[derive(Debug, Default)]
pub struct Dump {
    /// The facts of watched kinds.
    pub facts: Vec<Fact>,
    /// What could not be read.
    pub problems: Vec<DumpProblem>,
}
/// Something in a dump that could not be read; the rest still is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct DumpProblem {
    pub file: String,
    pub document: usize,
    pub what: String,
}
