//! The chunks of a png file: order, checksums and header fields, accepted as Pillow accepts them.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 4 | length of the body, big-endian |
//! | 4 | 4 | chunk name |
//! | 8 | length | body |
//! | 8 + length | 4 | CRC-32 of name and body |
//!
//! Pillow checks the checksums up to the image data and none behind it.

use super::CodecError;

/// The signature that every png file begins with.
pub(super) const MAGIC: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

pub(super) fn corrupt(reason: impl Into<String>) -> CodecError {
    CodecError::corrupt("png", reason)
}

/// What the pixels of a file look like, and what array Pillow makes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// 1-bit gray: bool.
    Bit,
    /// 2- or 4-bit gray: uint8, scaled to the full range.
    Scaled { bits: u8 },
    /// Palette indices of fewer than 8 bits: uint8, as they are.
    Index { bits: u8 },
    /// 8 bits a channel (gray and palette too): uint8, as they are.
    Bytes { channels: u8 },
    /// 16-bit gray: int32.
    Gray16,
    /// 16-bit RGB or RGBA: uint8, the high bytes.
    High { channels: u8 },
    /// 16-bit gray and alpha: uint8 RGBA of the high bytes.
    GrayAlpha16,
}

impl Layout {
    fn new(depth: u8, colour: u8) -> Option<Self> {
        Some(match (depth, colour) {
            (1, 0) => Self::Bit,
            (2 | 4, 0) => Self::Scaled { bits: depth },
            (8, 0 | 3) => Self::Bytes { channels: 1 },
            (16, 0) => Self::Gray16,
            (8, 2) => Self::Bytes { channels: 3 },
            (16, 2) => Self::High { channels: 3 },
            (1 | 2 | 4, 3) => Self::Index { bits: depth },
            (8, 4) => Self::Bytes { channels: 2 },
            (16, 4) => Self::GrayAlpha16,
            (8, 6) => Self::Bytes { channels: 4 },
            (16, 6) => Self::High { channels: 4 },
            _ => return None,
        })
    }

    /// Bits of one pixel in the file.
    pub(super) fn file_bits(self) -> usize {
        match self {
            Self::Bit => 1,
            Self::Scaled { bits } | Self::Index { bits } => usize::from(bits),
            Self::Bytes { channels } => usize::from(channels) * 8,
            Self::Gray16 => 16,
            Self::High { channels } => usize::from(channels) * 16,
            Self::GrayAlpha16 => 32,
        }
    }

    /// Length of the array's last axis; 1 means that there is none.
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Bit | Self::Scaled { .. } | Self::Index { .. } | Self::Gray16 => 1,
            Self::Bytes { channels } | Self::High { channels } => usize::from(channels),
            Self::GrayAlpha16 => 4,
        }
    }

    /// Bytes of one pixel in the array.
    pub(super) fn pixel_bytes(self) -> usize {
        if self == Self::Gray16 { 4 } else { self.channels() }
    }
}

/// The fields of IHDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) layout: Layout,
    pub(super) is_palette: bool,
    pub(super) interlaced: bool,
}

impl Header {
    fn parse(body: &[u8]) -> Result<Self, CodecError> {
        let Some([w3, w2, w1, w0, h3, h2, h1, h0, depth, colour, _, filter, interlace]) =
            body.first_chunk::<13>()
        else {
            return Err(corrupt("the header is cut short"));
        };
        if *filter != 0 {
            return Err(corrupt(format!("unknown filter category {filter}")));
        }
        let layout = Layout::new(*depth, *colour)
            .ok_or_else(|| corrupt(format!("no colour type {colour} has {depth} bits")))?;
        let width = u32::from_be_bytes([*w3, *w2, *w1, *w0]);
        let height = u32::from_be_bytes([*h3, *h2, *h1, *h0]);
        if width == 0 || height == 0 {
            return Err(corrupt("the image has no pixels"));
        }
        let is_palette = *colour == 3;
        Ok(Self { width, height, layout, is_palette, interlaced: *interlace != 0 })
    }

    /// Bytes of the decoded array, if they can be counted.
    pub(super) fn decoded_bytes(&self) -> Option<usize> {
        let width = usize::try_from(self.width).ok()?;
        let height = usize::try_from(self.height).ok()?;
        width.checked_mul(height)?.checked_mul(self.layout.pixel_bytes())
    }
}

/// One chunk; `body` is shorter than promised, and `crc` missing, where the file ends.
struct Chunk<'a> {
    name: [u8; 4],
    body: &'a [u8],
    is_whole: bool,
    crc: Option<u32>,
}

struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Chunks<'a> {
    /// The next chunk; an error where no chunk head is.
    fn next(&mut self) -> Result<Chunk<'a>, CodecError> {
        let Some(([l3, l2, l1, l0, name @ ..], rest)) = self.rest.split_first_chunk::<8>() else {
            return Err(corrupt("the file is cut short"));
        };
        if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return Err(corrupt("a chunk has no name"));
        }
        let length =
            usize::try_from(u32::from_be_bytes([*l3, *l2, *l1, *l0])).unwrap_or(usize::MAX);
        let (body, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let crc = rest.first_chunk::<4>().map(|crc| u32::from_be_bytes(*crc));
        self.rest = rest.get(4..).unwrap_or_default();
        Ok(Chunk { name: *name, body, is_whole: body.len() == length, crc })
    }
}

impl Chunk<'_> {
    fn whole(&self) -> Result<&Self, CodecError> {
        if self.is_whole { Ok(self) } else { Err(corrupt("a chunk is cut short")) }
    }

    fn check_crc(&self) -> Result<(), CodecError> {
        if self.crc == Some(crc32(&[&self.name, self.body])) {
            Ok(())
        } else {
            let name = String::from_utf8_lossy(&self.name);
            Err(corrupt(format!("wrong checksum of chunk {name}")))
        }
    }

    /// What Pillow needs of the chunks that it reads; it refuses files that lack it.
    fn check_body(&self, header: Option<&Header>) -> Result<(), CodecError> {
        let least = match &self.name {
            b"IHDR" => return Header::parse(self.whole()?.body).map(|_| ()),
            b"gAMA" => 4,
            b"sRGB" => 1,
            b"pHYs" => 9,
            b"acTL" => 8,
            b"fcTL" => 26,
            b"tRNS" => match header.map(|header| (header.is_palette, header.layout)) {
                Some((false, Layout::Bit | Layout::Scaled { .. } | Layout::Gray16)) => 2,
                Some((false, Layout::Bytes { channels: 1 })) => 2,
                Some((_, Layout::Bytes { channels: 3 } | Layout::High { channels: 3 })) => 6,
                _ => 0,
            },
            _ => 0,
        };
        let body = self.whole()?.body;
        let method = match &self.name {
            b"iCCP" => {
                let after_name = body.iter().position(|byte| *byte == 0).map_or(0, |at| at + 1);
                Some(body.get(after_name).copied().unwrap_or(u8::MAX))
            }
            b"zTXt" => {
                body.iter().position(|byte| *byte == 0).and_then(|at| body.get(at + 1)).copied()
            }
            _ => None,
        };
        let bad_length = match &self.name {
            b"cHRM" => !body.len().is_multiple_of(4),
            b"PLTE" => header.is_some_and(|header| header.is_palette) && body.len() / 3 > 256,
            _ => false,
        };
        if body.len() < least || bad_length || method.is_some_and(|method| method != 0) {
            let name = String::from_utf8_lossy(&self.name);
            return Err(corrupt(format!("chunk {name} is broken")));
        }
        Ok(())
    }
}

/// Header and compressed pixels of a file.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) header: Header,
    /// The pieces of the zlib stream, in order, as far as they are there.
    pub(super) data: Vec<&'a [u8]>,
    /// Whether the last piece is as long as it should be.
    pub(super) is_whole: bool,
}

/// Reads the header only: the first chunk.
pub(super) fn read_header(bytes: &[u8]) -> Result<Header, CodecError> {
    let rest =
        bytes.strip_prefix(&MAGIC).ok_or_else(|| corrupt("it does not begin as a png file"))?;
    let mut chunks = Chunks { rest };
    let first = chunks.next()?;
    if &first.name == b"IHDR" {
        return Header::parse(first.body);
    }
    read_file(bytes).map(|file| file.header)
}

/// Reads all chunks and joins the pieces of compressed pixels.
pub(super) fn read_file(bytes: &[u8]) -> Result<File<'_>, CodecError> {
    let rest =
        bytes.strip_prefix(&MAGIC).ok_or_else(|| corrupt("it does not begin as a png file"))?;
    let mut chunks = Chunks { rest };
    let mut header = None;
    let mut is_animated = false;
    let first = loop {
        let chunk = chunks.next()?;
        match &chunk.name {
            b"IDAT" => break chunk,
            b"IEND" => return Err(corrupt("it has no image data")),
            b"fdAT" => return Err(CodecError::Unsupported("png without a still image".to_owned())),
            b"IHDR" => header = Some(Header::parse(chunk.whole()?.body)?),
            b"acTL" => {
                chunk.check_body(header.as_ref())?;
                is_animated = chunk.body.first_chunk().is_some_and(|n| u32::from_be_bytes(*n) > 1);
            }
            _ => chunk.check_body(header.as_ref())?,
        }
        chunk.whole()?.check_crc()?;
    };
    let header = header.ok_or_else(|| corrupt("it has no header"))?;
    let mut data = vec![first.body];
    let mut is_whole = first.is_whole;
    // Behind the pixels Pillow stops at the first thing that is no chunk, but wants known and
    // unknown chunks to be there in full.
    let mut in_data = true;
    while let Ok(chunk) = chunks.next() {
        match &chunk.name {
            b"IEND" => break,
            // The next frame of an animation is not read.
            b"fcTL" if is_animated => break,
            b"IDAT" if in_data => {
                data.push(chunk.body);
                is_whole = chunk.is_whole;
            }
            _ => {
                in_data = false;
                chunk.check_body(Some(&header))?;
            }
        }
    }
    Ok(File { header, data, is_whole })
}

/// The body of the eXIf chunk; of the last, if there are several.
pub(super) fn read_exif(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut chunks = Chunks { rest: bytes.strip_prefix(&MAGIC)? };
    let mut exif = None;
    while let Ok(chunk) = chunks.next() {
        match &chunk.name {
            b"eXIf" => exif = Some(chunk.body.to_vec()),
            b"IEND" => break,
            _ => {}
        }
    }
    exif
}

/// Checks that header, data and end are there, in whole chunks with right checksums.
pub(super) fn verify(bytes: &[u8]) -> Result<(), CodecError> {
    let rest =
        bytes.strip_prefix(&MAGIC).ok_or_else(|| corrupt("it does not begin as a png file"))?;
    let mut chunks = Chunks { rest };
    let mut header = None;
    let mut has_data = false;
    loop {
        let chunk = chunks.next()?;
        match &chunk.name {
            b"IHDR" => header = Some(Header::parse(chunk.body)?),
            b"IDAT" => has_data = true,
            // The reference does not read on to its checksum.
            b"IEND" => break,
            _ => {}
        }
        chunk.whole()?.check_crc()?;
    }
    if header.is_some() && has_data { Ok(()) } else { Err(corrupt("it has no image data")) }
}

const CRC_TABLE: [u32; 256] = crc_table();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

fn crc32(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().copied().flatten();
    !bytes.fold(u32::MAX, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        let entry = CRC_TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default();
        (crc >> 8) ^ entry
    })
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn checksum_of_the_standard_example() {
        assert_eq!(crc32(&[b"1234", b"56789"]), 0xcbf4_3926);
    }
}
