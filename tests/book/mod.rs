//! What the book shows of the program is what the program does.

mod commands;
mod pages;
