//! The index as the checks see it.
