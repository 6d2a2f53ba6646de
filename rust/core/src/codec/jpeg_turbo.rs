//! The one place that calls libjpeg-turbo's C functions.
//!
//! The safe wrapper of the `turbojpeg` crate cannot be used for decoding: it takes every warning,
//! even of the header, for an error, and cannot stop at the first one. Pillow decodes through all
//! warnings, and refuses a file only where the decoder wants bytes that are not there.

use std::ffi::CStr;

use turbojpeg::{libc, raw};

use super::jpeg_markers::Frame;

/// Scans that a file may have. Real ones have about ten; each costs a pass over all blocks, even
/// if it has no bytes, so that an unlimited number would be a way to hang a reader.
const MAX_SCANS: libc::c_int = 500;

/// How a decode ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Every byte was as it should be.
    Clean,
    /// The decoder complained. If it was to stop at warnings it did so; otherwise the message is
    /// the first warning's, unless an error came later: then it is that error's.
    Warned(String),
    /// The decoder gave up.
    Failed(String),
}

/// A decoder for one file. A second file needs another one: tables would stay from the first, and
/// what a broken file decodes to would depend on its predecessor.
struct Decoder(raw::tjhandle);

impl Drop for Decoder {
    #[expect(unsafe_code, reason = "the handle is a C resource")]
    fn drop(&mut self) {
        // SAFETY: the handle came from tj3Init (null is allowed) and is not used afterwards.
        unsafe { raw::tj3Destroy(self.0) }
    }
}

impl Decoder {
    #[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
    fn new() -> Option<Self> {
        // SAFETY: any initialization type is allowed; null means failure.
        let handle = unsafe { raw::tj3Init(raw::TJINIT_TJINIT_DECOMPRESS as libc::c_int) };
        let decoder = Self(handle);
        (!handle.is_null()).then_some(decoder)
    }

    #[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
    fn set(&mut self, parameter: raw::TJPARAM, value: libc::c_int) -> bool {
        // SAFETY: the handle is live; bad parameters are reported, not acted on.
        unsafe { raw::tj3Set(self.0, parameter as libc::c_int, value) == 0 }
    }

    #[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
    fn get(&mut self, parameter: raw::TJPARAM) -> libc::c_int {
        // SAFETY: the handle is live; an unknown parameter gives -1.
        unsafe { raw::tj3Get(self.0, parameter as libc::c_int) }
    }

    /// Reads the header and gives `(width, height)` as the library sees them; -1 after an error.
    #[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
    fn read_header(&mut self, bytes: &[u8]) -> (libc::c_int, libc::c_int) {
        // SAFETY: the handle is live, and pointer and length are of one slice. The result says
        // whether there were warnings, too, so that the sizes are the better sign of success.
        unsafe {
            raw::tj3DecompressHeader(self.0, bytes.as_ptr(), bytes.len() as raw::size_t);
        }
        (self.get(raw::TJPARAM_TJPARAM_JPEGWIDTH), self.get(raw::TJPARAM_TJPARAM_JPEGHEIGHT))
    }

    #[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
    fn message(&mut self) -> String {
        // SAFETY: the handle is live; the library returns a zero-ended string that it owns, and
        // that is copied before the next call.
        unsafe { CStr::from_ptr(raw::tj3GetErrorStr(self.0)) }.to_string_lossy().into_owned()
    }

    #[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
    fn warned(&mut self) -> bool {
        // SAFETY: the handle is live.
        let code = unsafe { raw::tj3GetErrorCode(self.0) };
        code == raw::TJERR_TJERR_WARNING as libc::c_int
    }

    /// Decodes `bytes` into `out`.
    ///
    /// The caller has read the header of the same `bytes` with this decoder and found the sizes of
    /// `frame`, and `out` has `frame.height` rows of `pitch` bytes.
    #[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
    fn decode(&mut self, bytes: &[u8], frame: &Frame, out: &mut [u8]) -> bool {
        let (format, channels) = match frame.components {
            1 => (raw::TJPF_TJPF_GRAY, 1),
            3 => (raw::TJPF_TJPF_RGB, 3),
            _ => (raw::TJPF_TJPF_CMYK, 4),
        };
        let pitch = libc::c_int::from(frame.width) * channels;
        let needed = usize::from(frame.height) * usize::from(frame.width) * channels as usize;
        assert_eq!(out.len(), needed, "the caller allocates what the header says");
        // SAFETY: the handle is live; pointer and length of the input are of one slice. The
        // library writes as many rows, and as many pixels a row, as the header of `bytes` says,
        // in `channels` bytes each and `pitch` apart: exactly `out`, whose size was just checked.
        // Scaling and cropping, which would change that, are never set.
        let status = unsafe {
            raw::tj3Decompress8(
                self.0,
                bytes.as_ptr(),
                bytes.len() as raw::size_t,
                out.as_mut_ptr(),
                pitch,
                format,
            )
        };
        status == 0
    }
}

/// Decodes a whole file into `out`, which has exactly the bytes that `frame` needs.
///
/// With `stop`, the first warning ends it. The DCT is the accurate one and the upsampling the
/// smooth one: the library's defaults, and Pillow's.
pub(super) fn decode(bytes: &[u8], frame: &Frame, out: &mut [u8], stop: bool) -> Outcome {
    let Some(mut decoder) = Decoder::new() else {
        return Outcome::Failed("libjpeg-turbo has no memory for a decoder".to_owned());
    };
    let settings = [
        (raw::TJPARAM_TJPARAM_SCANLIMIT, MAX_SCANS),
        // Colour profiles would be copied out otherwise.
        (raw::TJPARAM_TJPARAM_SAVEMARKERS, 0),
    ];
    for (parameter, value) in settings {
        if !decoder.set(parameter, value) {
            return Outcome::Failed(decoder.message());
        }
    }
    let expected = (libc::c_int::from(frame.width), libc::c_int::from(frame.height));
    let found = decoder.read_header(bytes);
    if found != expected {
        return Outcome::Failed(if found.0 < 0 {
            decoder.message()
        } else {
            format!("its header says {expected:?} and {found:?} pixels")
        });
    }
    if stop && !decoder.set(raw::TJPARAM_TJPARAM_STOPONWARNING, 1) {
        return Outcome::Failed(decoder.message());
    }
    if decoder.decode(bytes, frame, out) {
        return Outcome::Clean;
    }
    let message = decoder.message();
    if decoder.warned() { Outcome::Warned(message) } else { Outcome::Failed(message) }
}
