//! The saved runs in a browser. What is asked is looked up among the runs and files that there are, and never made into a path:
//! nothing else on the machine can be named. Nothing is changed, whatever is asked.

mod http;
mod live;
mod pages;
mod percent;
mod site;

pub use self::{
    http::Server,
    site::{Answer, Body, Site},
};
