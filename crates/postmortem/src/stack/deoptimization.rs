//! The tables that lead from a call in optimized code to what it takes to go on without the optimization.
