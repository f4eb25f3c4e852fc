//! Tests of the texts: the whole visible text, and any text from outside.
