//! Texts of links: where they lead, and how they are shown.
#![no_main]

use lakebed_core::links::{LinkPool, display};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = LinkPool::default().resolve(text, None);
    let shown = display(text);
    assert_eq!(display(&shown), shown);
    if text.contains("s3cr3t-w0rd") {
        return;
    }
    // What stands where a URL has user and password is never shown.
    let secret = display(&format!("https://user:s3cr3t-w0rd@host/{text}"));
    assert!(!secret.contains("user:s3cr3t-w0rd"), "{secret}");
});
