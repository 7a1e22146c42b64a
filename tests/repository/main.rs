//! The rules of the repository: the walls between rooms, sizes, and what code must not hold.

mod contract;
mod source;
mod walls;
