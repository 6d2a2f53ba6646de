//! `lakebed._core`: the Python face of `lakebed-core`.
//!
//! Converts, detaches from the interpreter, maps errors; what anything means is decided on either
//! side of it. `python/lakebed/_core.pyi` describes what is here.

mod access;
mod convert;
mod credentials;
mod dataset;
mod error;
mod image;
mod interrupt;
mod links;
mod log;
mod store;

/// The binding of the Rust core of lakebed.
#[pyo3::pymodule(gil_used = false)]
mod _core {
    use lakebed_core::engine::fork::watch;
    use pyo3::prelude::*;

    use crate::error::to_py;
    use crate::log;

    #[pymodule_export]
    use crate::access::{PyAwsAccess, PyGcsAccess};
    #[pymodule_export]
    use crate::dataset::{PyDataset, check_tensor_name};
    #[pymodule_export]
    use crate::error::error_kinds;
    #[pymodule_export]
    use crate::image::{decode_image, encode_image, image_info};
    #[pymodule_export]
    use crate::links::{display_link, fetch};
    #[pymodule_export]
    use crate::store::{PyStore, set_patience};

    /// The version of the package, from the manifest that names it for all of its parts.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
    /// Before any other call: a fork may come at any time.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        watch().map_err(|failed| to_py(module.py(), &failed))?;
        log::install(module.py())
    }
}
