//! How often a source is asked, by whom, and what others get meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::engine::{Engine, NeverInterrupted};
use crate::error::Kind;

/// Gives a new secret at every call, or always the same, after a while, with a life.
#[derive(Default)]
struct Source {
    calls: AtomicU64,
    same: bool,
    fails: AtomicBool,
    takes: Duration,
    life_s: Option<f64>,
}

impl SecretSource for Source {
    fn fetch(&self) -> Result<AwsSecret> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        std::thread::sleep(self.takes);
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::new(Kind::Authentication, "nobody is logged in"));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        Ok(AwsSecret {
            access_key: if self.same { "KEY".into() } else { format!("KEY{call}") },
            secret_key: "very secret".into(),
            session_token: None,
            expires_unix: self.life_s.map(|life| now + life),
        })
    }
}

fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    Engine::current()?.block_on(future, &NeverInterrupted)
}

fn cache(source: Source) -> (Arc<Source>, CredentialCache) {
    let source = Arc::new(source);
    (Arc::clone(&source), CredentialCache::new(source))
}

async fn key(cache: &CredentialCache) -> Result<String> {
    Ok(cache.issued().await?.secret.key_id.clone())
}

fn calls(source: &Source) -> u64 {
    source.calls.load(Ordering::SeqCst)
}

#[test]
fn all_who_wait_share_one_fetch() {
    let (source, cache) = cache(Source { takes: Duration::from_millis(20), ..Source::default() });
    let all = futures::future::try_join_all((0..20).map(|_| key(&cache)));
    let keys = wait(all).unwrap();
    assert!(keys.iter().all(|key| key == "KEY1"));
    assert_eq!(calls(&source), 1);
}

/// Makes the secret look as if that moment were now.
fn at_once(
    cache: &CredentialCache,
    moment: impl FnOnce(&mut Issued<AwsSecret>) -> &mut Option<Instant>,
) {
    cache.state().unwrap().change(|issued| *moment(issued) = Some(Instant::now()));
}

/// Waits until `done`, at most ten seconds.
async fn until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() && start.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(done());
}

#[test]
fn renewal_begins_before_the_end() {
    for (life_s, refresh_s, dead_s) in [(4000.0, 3700, 3990), (80.0, 60, 72)] {
        let secret = Source { life_s: Some(life_s), ..Source::default() }.fetch().unwrap();
        let before = Instant::now();
        let issued = Issued::new(secret, 1);
        for (moment, expected_s) in [(issued.refresh_at, refresh_s), (issued.dead_at, dead_s)] {
            let after = moment.unwrap() - before;
            let expected = Duration::from_secs(expected_s);
            assert!(after.abs_diff(expected) < Duration::from_secs(5), "{after:?} {expected:?}");
        }
    }
}

#[test]
fn nobody_waits_for_a_renewal_while_the_secret_is_good() {
    let (source, cache) = cache(Source {
        life_s: Some(3600.0),
        takes: Duration::from_millis(100),
        ..Source::default()
    });
    wait(async {
        assert_eq!(key(&cache).await?, "KEY1");
        at_once(&cache, |issued| &mut issued.refresh_at);
        // The source takes its time; nobody waits, and one attempt runs.
        for _ in 0..10 {
            assert_eq!(key(&cache).await?, "KEY1");
        }
        until(|| cache.generation() == 2).await;
        assert_eq!(key(&cache).await?, "KEY2");
        assert_eq!(calls(&source), 2);
        // Nobody asked in time: the next one waits.
        at_once(&cache, |issued| &mut issued.dead_at);
        assert_eq!(key(&cache).await?, "KEY3");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_source_that_fails_while_the_secret_is_good_hurts_nobody() {
    let (source, cache) = cache(Source { life_s: Some(3600.0), ..Source::default() });
    wait(async {
        assert_eq!(key(&cache).await?, "KEY1");
        source.fails.store(true, Ordering::SeqCst);
        at_once(&cache, |issued| &mut issued.refresh_at);
        assert_eq!(key(&cache).await?, "KEY1");
        until(|| calls(&source) == 2).await;
        assert_eq!(key(&cache).await?, "KEY1");
        at_once(&cache, |issued| &mut issued.dead_at);
        assert_eq!(key(&cache).await.unwrap_err().kind(), Kind::Authentication);
        Ok(())
    })
    .unwrap();
}

#[test]
fn refused_credentials_are_renewed_once_for_all() {
    let (source, cache) = cache(Source::default());
    wait(async {
        key(&cache).await?;
        let refused = (0..20).map(|_| cache.renewed(1, Refusal::Unknown));
        let renewed = futures::future::try_join_all(refused).await?;
        assert!(renewed.iter().all(|renewed| *renewed));
        assert_eq!((calls(&source), cache.generation()), (2, 2));
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_source_without_other_credentials_is_asked_once() {
    let (source, cache) = cache(Source { same: true, ..Source::default() });
    wait(async {
        key(&cache).await?;
        for _ in 0..10 {
            assert!(!cache.renewed(1, Refusal::Unknown).await?);
            assert!(!cache.renewed(1, Refusal::Denied).await?);
        }
        assert_eq!(calls(&source), 2);
        Ok(())
    })
    .unwrap();
}

#[test]
fn missing_rights_do_not_keep_the_source_busy() {
    let (source, cache) = cache(Source::default());
    wait(async {
        key(&cache).await?;
        assert!(cache.renewed(1, Refusal::Denied).await?);
        for _ in 0..10 {
            assert!(!cache.renewed(2, Refusal::Denied).await?);
        }
        assert_eq!(calls(&source), 2);
        // But fresh credentials may still run out earlier than they say.
        assert!(cache.renewed(2, Refusal::Unknown).await?);
        assert_eq!(calls(&source), 3);
        Ok(())
    })
    .unwrap();
}

#[test]
fn credentials_that_are_over_by_our_clock_are_still_tried() {
    let (source, cache) = cache(Source { life_s: Some(-3600.0), ..Source::default() });
    wait(async {
        for _ in 0..3 {
            assert_eq!(key(&cache).await?, "KEY1");
        }
        assert_eq!(calls(&source), 1);
        Ok(())
    })
    .unwrap();
}

#[test]
fn secrets_are_not_shown() {
    let (_, cache) = cache(Source::default());
    let secret = Source::default().fetch().unwrap();
    assert!(!format!("{cache:?}{secret:?}").contains("secret "));
    assert!(!format!("{secret:?}").contains("KEY"));
}

#[test]
fn secrets_that_no_header_can_hold_are_refused() {
    let whole = || AwsSecret {
        access_key: "KEY".into(),
        secret_key: "very secret ü".into(),
        session_token: Some("token".into()),
        expires_unix: None,
    };
    assert!(whole().check().is_ok());
    for (broken, what) in [
        (AwsSecret { access_key: "KEY\n".into(), ..whole() }, "access key id"),
        (AwsSecret { secret_key: "very secret\r".into(), ..whole() }, "secret access key"),
        (AwsSecret { session_token: Some("t\u{fc}ken".into()), ..whole() }, "session token"),
    ] {
        let error = broken.check().unwrap_err();
        assert_eq!(error.kind(), Kind::Authentication);
        assert!(error.message().contains(what) && !error.message().contains("KEY"));
    }
}
