//! Reading what links point to: resolve in bulk, fetch each object once, decode in parallel.

use std::collections::HashMap;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};

use super::decode::{Array, decode_linked, decode_linked_into, linked_shape};
use super::output::{EachSlots, RunSlots, room_for, stack};
use super::read::{Column, ReadMode, Reading, leading};
use crate::codec::image;
use crate::dtype::Dtype;
use crate::engine::{Engine, Interrupt};
use crate::error::{Context, Error, Kind, Result, Setting};
use crate::fetch::{self, Budget, Failures, Job, Permit};
use crate::links::{LinkPool, Target};
use crate::memory::Buffer;

/// The fetch of one linked object for all slots that want it.
#[derive(Debug)]
pub(crate) struct LinkJob {
    pub(crate) slots: Vec<u64>,
    pub(crate) target: Result<Target>,
    /// Bytes that the object may have.
    pub(crate) max_bytes: u64,
}

/// A linked object, or why it could not be had.
#[derive(Debug)]
pub(crate) struct LinkedObject {
    pub(crate) slots: Vec<u64>,
    pub(crate) place: Context,
    pub(crate) read: Result<(Bytes, Permit)>,
}

impl Job for LinkJob {
    type Output = LinkedObject;

    fn index(&self) -> u64 {
        self.slots.first().copied().unwrap_or(0)
    }

    fn run(self, budget: Budget) -> BoxFuture<'static, Result<LinkedObject>> {
        async move {
            let (place, read) = match self.target {
                Err(error) => {
                    let place = error.context().clone();
                    let error = link_error(error, &place);
                    (place, Err(error))
                }
                Ok(target) => {
                    let place = target.context();
                    let read = read_object(&target, self.max_bytes, budget).await;
                    let read = read.map_err(|error| link_error(error, &place));
                    (place, read)
                }
            };
            Ok(LinkedObject { slots: self.slots, place, read })
        }
        .boxed()
    }
}

async fn read_object(target: &Target, max_bytes: u64, budget: Budget) -> Result<(Bytes, Permit)> {
    let incoming = target.store.open_read(&target.key).await?;
    let incoming = incoming.within(max_bytes, Setting::MaxSampleBytes)?;
    let permit = budget.acquire(incoming.size).await?;
    Ok((incoming.read().await?, permit))
}

/// Names the link; what the store said stays as the cause.
pub(crate) fn link_error(error: Error, place: &Context) -> Error {
    let kind = match error.kind() {
        Kind::Interrupted => return error,
        Kind::LinkNotAllowed => Kind::LinkNotAllowed,
        Kind::MissingCreds => Kind::LinkCreds,
        // Without a key, the server wants something that no other key would change.
        Kind::Authentication | Kind::Authorization | Kind::CredentialsExpired
            if place.creds_key.is_some() =>
        {
            Kind::LinkCreds
        }
        _ => Kind::Link,
    };
    let url = place.url.as_deref().unwrap_or("");
    error.wrap(kind, format_args!("cannot read the link {url}")).with_context(place.clone())
}

/// One job for each distinct pair of link and creds key, in order of the first slot it serves, so
/// that no object is fetched twice; and the slots of empty links.
pub(crate) fn distinct_jobs<'l>(
    pool: &LinkPool,
    max_bytes: u64,
    links: impl IntoIterator<Item = (&'l str, Option<&'l str>)>,
) -> (Vec<LinkJob>, Vec<u64>) {
    let mut empty = Vec::new();
    let mut by_link: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    let mut jobs: Vec<LinkJob> = Vec::new();
    for (slot, (path, creds_key)) in (0_u64..).zip(links) {
        if path.is_empty() {
            empty.push(slot);
            continue;
        }
        let at = *by_link.entry((path, creds_key)).or_insert_with(|| {
            let target = pool.resolve(path, creds_key);
            jobs.push(LinkJob { slots: Vec::new(), target, max_bytes });
            jobs.len() - 1
        });
        if let Some(job) = jobs.get_mut(at) {
            job.slots.push(slot);
        }
    }
    (jobs, empty)
}

impl Reading<'_> {
    /// One job for each distinct link; slots of empty links come back apart.
    fn link_jobs(&mut self, interrupt: &dyn Interrupt) -> Result<(Vec<LinkJob>, Vec<u64>)> {
        let paths = self.strings(interrupt)?;
        let links = paths.iter().map(String::as_str).zip(self.creds.iter().map(Option::as_deref));
        Ok(distinct_jobs(self.dataset.links(), self.decoder.max_sample_bytes, links))
    }

    /// Fetches the objects; `use_object` gets each with every slot it is for.
    fn each_object(
        &self,
        jobs: Vec<LinkJob>,
        interrupt: &dyn Interrupt,
        use_object: impl Fn(u64, &Bytes) -> Result<()> + Sync,
    ) -> Result<()> {
        let process = |object: LinkedObject, failures: &Failures| {
            let fail = |slot: u64, error: Error| failures.push(slot, self.place(slot, error));
            match object.read {
                Ok((bytes, _permit)) => object.slots.iter().for_each(|slot| {
                    if failures.obsolete(*slot) {
                        return;
                    }
                    if let Err(error) = use_object(*slot, &bytes) {
                        fail(*slot, link_error(error, &object.place));
                    }
                }),
                Err(error) => {
                    // The cause goes to the first; the others say the same in short.
                    for slot in object.slots.iter().skip(1) {
                        fail(*slot, error.summary().with_context(object.place.clone()));
                    }
                    fail(object.slots.first().copied().unwrap_or(0), error);
                }
            }
        };
        let engine = Engine::current()?;
        fetch::run(&engine, jobs, &self.dataset.limits().fetch, interrupt, process)
    }

    pub(crate) fn linked_arrays(
        &mut self,
        mode: ReadMode,
        interrupt: &dyn Interrupt,
    ) -> Result<Column> {
        let (jobs, empty) = self.link_jobs(interrupt)?;
        let fixed = !self.meta.max_shape.is_empty() && self.meta.min_shape == self.meta.max_shape;
        if mode == ReadMode::Stack && fixed && empty.is_empty() {
            return self.linked_stack(jobs, interrupt);
        }
        let slots = EachSlots::new(self.index.len())?;
        for slot in empty {
            // Reads as the reference has it: no elements, float64 (format 9.1).
            slots.put(
                slot,
                Array { dtype: Dtype::Float64, shape: vec![0], data: Buffer::default() },
            );
        }
        let (ndim, limit) = (self.decoder.ndim, self.decoder.max_sample_bytes);
        self.each_object(jobs, interrupt, |slot, bytes| {
            slots.put(slot, decode_linked(bytes, ndim, limit)?);
            Ok(())
        })?;
        let arrays = slots.finish()?;
        if mode == ReadMode::List {
            return Ok(Column::List(arrays));
        }
        let dtype = self.meta.element_dtype().unwrap_or(Dtype::UInt8);
        let (shape, dtype, data) = stack(&arrays, dtype, &self.meta.max_shape)?;
        Ok(Column::Stack { dtype, shape, data })
    }

    fn linked_stack(&self, jobs: Vec<LinkJob>, interrupt: &dyn Interrupt) -> Result<Column> {
        let dtype = self.meta.element_dtype().unwrap_or(Dtype::UInt8);
        let shape = self.meta.max_shape.clone();
        let count = self.index.len() as u64;
        let (one, mut data) = room_for(count, &shape, dtype, self.decoder.max_sample_bytes)?;
        let slots = RunSlots::new(&mut data, one, &vec![1; self.index.len()])?;
        self.each_object(jobs, interrupt, |slot, bytes| {
            decode_linked_into(bytes, &shape, dtype, slots.take(slot)?)
        })?;
        drop(slots);
        Ok(Column::Stack { dtype, shape: leading(count, &shape), data })
    }

    pub(crate) fn linked_bytes(&mut self, interrupt: &dyn Interrupt) -> Result<Column> {
        let (jobs, empty) = self.link_jobs(interrupt)?;
        let slots = EachSlots::new(self.index.len())?;
        for slot in empty {
            slots.put(slot, Bytes::new());
        }
        self.each_object(jobs, interrupt, |slot, bytes| {
            slots.put(slot, bytes.clone());
            Ok(())
        })?;
        Ok(Column::Bytes(slots.finish()?))
    }

    /// Shapes of the linked images, from their headers.
    pub(crate) fn linked_shapes(&mut self, interrupt: &dyn Interrupt) -> Result<Vec<Vec<u64>>> {
        let (jobs, empty) = self.link_jobs(interrupt)?;
        let slots = EachSlots::new(self.index.len())?;
        for slot in empty {
            slots.put(slot, vec![0]);
        }
        let ndim = self.decoder.ndim;
        self.each_object(jobs, interrupt, |slot, bytes| {
            slots.put(slot, linked_shape(image::info(bytes)?.shape, ndim));
            Ok(())
        })?;
        slots.finish()
    }
}
