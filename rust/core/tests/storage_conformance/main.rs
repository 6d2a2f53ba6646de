//! One suite that every kind of store passes. Local folders and memory always run it; a bucket does
//! where the environment names one, a real cloud's or a test server's:
//!
//! | variable | meaning |
//! |---|---|
//! | `LAKEBED_TEST_S3_BUCKET` | a bucket that the suite may write to (it removes what it wrote) |
//! | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | who asks; the last one where there is one |
//! | `AWS_REGION` | the bucket's region; without it, it is learned |
//! | `LAKEBED_TEST_S3_ENDPOINT` | the server; without it, Amazon's |
//! | `LAKEBED_TEST_S3_READER_KEY`, `LAKEBED_TEST_S3_READER_SECRET` | a user that may only read; without it, refusals are not tested |
//! | `LAKEBED_TEST_CONDITIONS` | `ignored` where the server does not decide conditional writes |
//! | `LAKEBED_TEST_CHANGED_CHARACTERS` | those that the server takes for others, as SeaweedFS takes `\` for `/` |
//! | `LAKEBED_TEST_GCS_BUCKET` | a bucket of Google Cloud Storage |
//! | `LAKEBED_TEST_GCS_TOKEN` | an access token (`gcloud auth print-access-token`) |
//! | `LAKEBED_TEST_GCS_ENDPOINT` | the server; without it, Google's |
//!
//! `tests/storage/test_conformance.py` runs it against each of the test servers.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod conditions;
mod keys;
mod listings;
mod objects;
mod refusals;
mod special;
mod stores;
