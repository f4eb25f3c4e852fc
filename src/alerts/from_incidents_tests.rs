//! The truth table of what must be said, and the rows it makes.
