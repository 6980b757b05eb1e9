//! Real jobs in real processes, fed by a real socket, driven by the real `spt`.

mod bad_input;
mod killed;
mod lab;
mod seed;
mod stopped;
