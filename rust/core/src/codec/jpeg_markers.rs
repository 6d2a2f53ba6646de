//! The segments of a jpeg file up to its first scan, read as Pillow reads them.
//!
//! Decides shape and acceptance of the header; the entropy-coded data is `jpeg_turbo`'s.

use super::CodecError;

/// What every jpeg file begins with: SOI and the first byte of a marker.
pub(super) const MAGIC: [u8; 3] = [0xff, 0xd8, 0xff];

pub(super) const SOI: u8 = 0xd8;
pub(super) const EOI: u8 = 0xd9;
pub(super) const SOS: u8 = 0xda;
const DQT: u8 = 0xdb;
const DHP: u8 = 0xde;
const DRI: u8 = 0xdd;
const EXIF: &[u8] = b"Exif\0\0";
const ICC: &[u8] = b"ICC_PROFILE\0";

/// What the header of a jpeg file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) height: u16,
    pub(super) width: u16,
    /// 1 (gray), 3 (RGB) or 4 (CMYK).
    pub(super) components: u8,
    /// All components come in one scan, so that rows can be put out while it is read.
    pub(super) single_scan: bool,
    /// A restart interval other than 0 was defined.
    pub(super) has_restarts: bool,
    /// Where the entropy-coded data of the first scan begins.
    pub(super) scan_start: usize,
}

pub(super) fn corrupt(reason: impl Into<String>) -> CodecError {
    CodecError::corrupt("jpeg", reason)
}

/// One segment before the first scan, or the head of the scan itself.
struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
}

/// Walks over the segments; Pillow skips junk between them, and so does this.
struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        // The first marker's 0xff belongs to the magic.
        Self { bytes, at: 2 }
    }

    fn byte(&mut self) -> Result<u8, CodecError> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| corrupt("no image data"))?;
        self.at += 1;
        Ok(byte)
    }

    fn next(&mut self) -> Result<Segment<'a>, CodecError> {
        loop {
            while self.byte()? != 0xff {}
            let mut marker = self.byte()?;
            while marker == 0xff {
                marker = self.byte()?;
            }
            match marker {
                0 => {}
                // Reserved codes are not markers at all.
                0x01..=0xbf => return Err(corrupt(format!("no marker found (ff{marker:02x})"))),
                0xc8 | 0xd0..=0xd9 | 0xf0..=0xfd => return Ok(Segment { marker, body: &[] }),
                _ => return Ok(Segment { marker, body: self.body()? }),
            }
        }
    }

    fn body(&mut self) -> Result<&'a [u8], CodecError> {
        let high = self.byte()?;
        let low = self.byte()?;
        let length = usize::from(u16::from_be_bytes([high, low])).saturating_sub(2);
        let end = self.at.saturating_add(length);
        let body = self.bytes.get(self.at..end).ok_or_else(|| corrupt("a segment is cut short"))?;
        self.at = end;
        Ok(body)
    }
}

/// Reads up to the first scan.
pub(super) fn read_frame(bytes: &[u8]) -> Result<Frame, CodecError> {
    if !bytes.starts_with(&MAGIC) {
        return Err(corrupt("it does not begin as a jpeg file"));
    }
    let mut segments = Segments::new(bytes);
    let mut frame = None;
    let mut first_icc: Option<&[u8]> = None;
    let mut has_restarts = false;
    loop {
        let Segment { marker, body } = segments.next()?;
        match marker {
            SOS => {
                let frame: Frame =
                    frame.ok_or_else(|| corrupt("a scan before the frame header"))?;
                let in_scan = body.first().copied().unwrap_or_default();
                let single_scan = frame.single_scan && in_scan == frame.components;
                return Ok(Frame { single_scan, has_restarts, scan_start: segments.at, ..frame });
            }
            0xc4 | 0xcc => {}
            0xc0..=0xcf | DHP => {
                if first_icc.take().is_some_and(|icc| icc.len() < 14) {
                    return Err(corrupt("a colour profile segment is too short"));
                }
                frame = Some(read_sof(marker, body)?);
            }
            DQT => check_dqt(body)?,
            DRI => has_restarts = body.iter().any(|byte| *byte != 0),
            0xe0..=0xef => {
                check_app(marker, body)?;
                if marker == 0xe2 && body.starts_with(ICC) {
                    first_icc = Some(first_icc.map_or(body, |icc| icc.min(body)));
                }
            }
            _ => {}
        }
    }
}

fn read_sof(marker: u8, body: &[u8]) -> Result<Frame, CodecError> {
    let [precision, h1, h0, w1, w0, components, layers @ ..] = body else {
        return Err(corrupt("the frame header is cut short"));
    };
    if *precision != 8 {
        return Err(CodecError::Unsupported(format!("jpeg with {precision} bits a channel")));
    }
    if !matches!(components, 1 | 3 | 4) {
        return Err(CodecError::Unsupported(format!("jpeg with {components} channels")));
    }
    if !layers.len().is_multiple_of(3) {
        return Err(corrupt("the frame header is cut short"));
    }
    let frame = Frame {
        height: u16::from_be_bytes([*h1, *h0]),
        width: u16::from_be_bytes([*w1, *w0]),
        components: *components,
        single_scan: !matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce),
        has_restarts: false,
        scan_start: 0,
    };
    if frame.height == 0 || frame.width == 0 {
        return Err(corrupt("the image has no pixels"));
    }
    Ok(frame)
}

/// Pillow reads the tables and refuses a file whose last one is cut short.
fn check_dqt(mut body: &[u8]) -> Result<(), CodecError> {
    while let Some((head, rest)) = body.split_first() {
        let length = if head >> 4 == 0 { 64 } else { 128 };
        body = rest.get(length..).ok_or_else(|| corrupt("a quantization table is cut short"))?;
    }
    Ok(())
}

/// Pillow reads a version from these two, and refuses the file where there is none.
fn check_app(marker: u8, body: &[u8]) -> Result<(), CodecError> {
    let versioned = (marker == 0xe0 && body.starts_with(b"JFIF"))
        || (marker == 0xee && body.starts_with(b"Adobe"));
    if versioned && body.len() < 7 {
        return Err(corrupt("an application segment is cut short"));
    }
    Ok(())
}

/// The EXIF block (a TIFF structure), if the header has one; parts of several segments joined.
pub(super) fn read_exif(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut segments = Segments::new(bytes);
    let mut exif: Option<Vec<u8>> = None;
    while let Ok(Segment { marker, body }) = segments.next() {
        match marker {
            SOS => break,
            0xe1 => {
                if let Some(part) = body.strip_prefix(EXIF) {
                    exif.get_or_insert_default().extend_from_slice(part);
                }
            }
            _ => {}
        }
    }
    exif
}
