//! A cache for `fn` things.
#![allow(dead_code)]

use std::fmt;

/// struct Fake;
#[derive(Debug, Clone)]
pub struct Cache<'a, K: 'static> {
    pub items: Vec<&'a K>,
    callback: fn(u32) -> u32,
}

pub(crate) enum State { Open { at: u64 }, Closed(char) }

const LIMIT: usize = 10;
static mut COUNTER: u32 = 0;
pub type Result<T> = std::result::Result<T, Error>;

pub trait Store: Send {
    type Item;
    const ID: u32;
    fn get(&self, key: &str) -> Option<Self::Item>;
    fn put(&mut self) {}
}

impl<'a, K> Cache<'a, K> where K: Clone {
    pub const fn new() -> Self {
        let quote = '"';
        let brace = '{';
        let raw = r#"fn raw() { " }"#;
        let text = "multi
            fn in_string() {";
        fn nested() {}
        Self { items: vec![] }
    }
    pub async unsafe fn load<F: Fn(u8) -> u8>(&self, f: F) -> [u8; 4] { [0; 4] }
}

/* block /* nested fn x() { */ still */
impl<K: fmt::Debug> fmt::Display for Cache<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { Ok(()) }
}

#[macro_export]
macro_rules! map {
    ($($k:expr => $v:expr),*) => {{ fn hidden() {} }};
}

extern "C" {
    fn strlen(s: *const u8) -> usize;
}

mod other;
mod tests {
    #[test]
    fn works() { assert_eq!(b'\'', b'"'); }
}
