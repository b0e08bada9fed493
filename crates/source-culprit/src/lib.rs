//! Graph evidence and script sources to the declaration that holds and the statement that adds.
