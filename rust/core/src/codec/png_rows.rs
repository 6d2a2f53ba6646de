//! Rows of a png image: filters undone, samples turned into Pillow's array elements, and the
//! seven passes of interlaced files put in place.

use super::CodecError;
use super::png_chunks::{Header, Layout, corrupt};

/// Rows and columns that one pass fills: first, step.
#[derive(Debug, Clone, Copy)]
struct Pass {
    row: (usize, usize),
    column: (usize, usize),
}

const WHOLE: [Pass; 1] = [Pass { row: (0, 1), column: (0, 1) }];

/// The Adam7 scheme of the png specification.
const INTERLACED: [Pass; 7] = [
    Pass { row: (0, 8), column: (0, 8) },
    Pass { row: (0, 8), column: (4, 8) },
    Pass { row: (4, 8), column: (0, 4) },
    Pass { row: (0, 4), column: (2, 4) },
    Pass { row: (2, 4), column: (0, 2) },
    Pass { row: (0, 2), column: (1, 2) },
    Pass { row: (1, 2), column: (0, 1) },
];

fn count(size: usize, (first, step): (usize, usize)) -> usize {
    size.saturating_sub(first).div_ceil(step)
}

/// Where the filtered rows of an image lie in the inflated data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    width: usize,
    height: usize,
    layout: Layout,
    passes: &'static [Pass],
}

impl Rows {
    pub(super) fn new(header: &Header) -> Self {
        Self {
            width: header.width as usize,
            height: header.height as usize,
            layout: header.layout,
            passes: if header.interlaced { &INTERLACED } else { &WHOLE },
        }
    }

    /// Bytes of a row of `width` pixels behind its filter byte.
    fn row_bytes(&self, width: usize) -> Option<usize> {
        Some(width.checked_mul(self.layout.file_bits())?.div_ceil(8))
    }

    /// Bytes of all filtered rows, if they can be counted.
    pub(super) fn total_bytes(&self) -> Option<usize> {
        let mut total: usize = 0;
        for pass in self.passes {
            let (width, height) = (count(self.width, pass.column), count(self.height, pass.row));
            if width > 0 {
                let row = self.row_bytes(width)?.checked_add(1)?;
                total = total.checked_add(row.checked_mul(height)?)?;
            }
        }
        Some(total)
    }

    /// Turns filtered rows into the array. `raw` may end early behind a row; what is missing
    /// becomes zero, as in Pillow. It is used up: rows are unfiltered in place.
    pub(super) fn decode(&self, mut raw: &mut [u8], out: &mut [u8]) -> Result<(), CodecError> {
        let broken = || corrupt("the image data ends inside of a row");
        let mut written = 0;
        let mut scratch = Vec::new();
        for pass in self.passes {
            let (width, height) = (count(self.width, pass.column), count(self.height, pass.row));
            if width == 0 {
                continue;
            }
            let row_bytes = self.row_bytes(width).ok_or_else(broken)?;
            let mut above: &[u8] = &[];
            for row in 0..height {
                if raw.is_empty() {
                    if self.passes.len() > 1 {
                        return Ok(());
                    }
                    out.get_mut(written..).unwrap_or_default().fill(0);
                    return Ok(());
                }
                let (line, rest) = std::mem::take(&mut raw)
                    .split_at_mut_checked(row_bytes + 1)
                    .ok_or_else(broken)?;
                raw = rest;
                let (filter, line) = line.split_first_mut().ok_or_else(broken)?;
                unfilter(*filter, self.layout.file_bits().div_ceil(8), above, line)?;
                written = self.place(line, pass, row, width, &mut scratch, out)?;
                above = line;
            }
        }
        Ok(())
    }

    /// Writes one unfiltered row into the array; gives the end of what was written.
    fn place(
        &self,
        line: &[u8],
        pass: &Pass,
        row: usize,
        width: usize,
        scratch: &mut Vec<u8>,
        out: &mut [u8],
    ) -> Result<usize, CodecError> {
        let outside = || CodecError::Internal("a png row outside of the image".to_owned());
        let pixel = self.layout.pixel_bytes();
        let stride = self.width * pixel;
        let start = (pass.row.0 + row * pass.row.1) * stride;
        let target = out.get_mut(start..start + stride).ok_or_else(outside)?;
        if pass.column.1 == 1 {
            convert(self.layout, line, target);
            return Ok(start + stride);
        }
        scratch.resize(width * pixel, 0);
        convert(self.layout, line, scratch);
        let columns = target.chunks_exact_mut(pixel).skip(pass.column.0).step_by(pass.column.1);
        for (to, from) in columns.zip(scratch.chunks_exact(pixel)) {
            to.copy_from_slice(from);
        }
        Ok(start + stride)
    }
}

/// Turns the samples of a row into array elements; `out` says how many pixels there are.
fn convert(layout: Layout, line: &[u8], out: &mut [u8]) {
    match layout {
        Layout::Bit => unpack(line, 1, 1, out),
        Layout::Index { bits } => unpack(line, bits, 1, out),
        Layout::Scaled { bits: 2 } => unpack(line, 2, 0x55, out),
        Layout::Scaled { bits } => unpack(line, bits, 0x11, out),
        Layout::Bytes { .. } => out.copy_from_slice(line),
        Layout::Gray16 => {
            for (to, from) in out.as_chunks_mut::<4>().0.iter_mut().zip(line.as_chunks::<2>().0) {
                *to = u32::from(u16::from_be_bytes(*from)).to_le_bytes();
            }
        }
        Layout::High { .. } => {
            for (to, [high, _]) in out.iter_mut().zip(line.as_chunks::<2>().0) {
                *to = *high;
            }
        }
        Layout::GrayAlpha16 => {
            let pixels = line.as_chunks::<4>().0;
            for (to, [gray, _, alpha, _]) in out.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
                *to = [*gray, *gray, *gray, *alpha];
            }
        }
    }
}

/// Takes samples of 1, 2 or 4 bits apart, highest bits first, and multiplies them.
fn unpack(line: &[u8], bits: u8, scale: u8, out: &mut [u8]) {
    let per_byte = usize::from(8 / bits.max(1));
    for (packed, pixels) in line.iter().zip(out.chunks_mut(per_byte)) {
        let mut packed = *packed;
        for pixel in pixels {
            *pixel = (packed >> (8 - bits)).wrapping_mul(scale);
            packed = packed.checked_shl(u32::from(bits)).unwrap_or_default();
        }
    }
}

/// Undoes the filter of a row in place. `above` is empty in the first row: all zero.
fn unfilter(filter: u8, pixel: usize, above: &[u8], line: &mut [u8]) -> Result<(), CodecError> {
    match (filter, above.is_empty()) {
        (0, _) | (2, true) => {}
        // With nothing above, the Paeth predictor is the pixel to the left.
        (1, _) | (4, true) => by_width!(pixel, undo_sub(line)),
        (2, false) => {
            for (value, up) in line.iter_mut().zip(above) {
                *value = value.wrapping_add(*up);
            }
        }
        (3, true) => by_width!(pixel, undo_half(line)),
        (3, false) => by_width!(pixel, undo_average(above, line)),
        (4, false) => by_width!(pixel, undo_paeth(above, line)),
        _ => return Err(corrupt(format!("unknown filter {filter}"))),
    }
    Ok(())
}

/// Calls a filter for the pixel widths that png has, as a constant, so that the compiler can keep
/// a pixel in registers.
macro_rules! by_width {
    ($pixel:expr, $name:ident($($argument:expr),*)) => {
        match $pixel {
            1 => $name::<1>($($argument),*),
            2 => $name::<2>($($argument),*),
            3 => $name::<3>($($argument),*),
            4 => $name::<4>($($argument),*),
            6 => $name::<6>($($argument),*),
            _ => $name::<8>($($argument),*),
        }
    };
}
use by_width;

fn undo_sub<const N: usize>(line: &mut [u8]) {
    let mut left = [0; N];
    for pixel in line.as_chunks_mut::<N>().0 {
        for (value, left) in pixel.iter_mut().zip(left) {
            *value = value.wrapping_add(left);
        }
        left = *pixel;
    }
}

fn undo_half<const N: usize>(line: &mut [u8]) {
    let mut left = [0; N];
    for pixel in line.as_chunks_mut::<N>().0 {
        for (value, left) in pixel.iter_mut().zip(left) {
            *value = value.wrapping_add(left / 2);
        }
        left = *pixel;
    }
}

fn undo_average<const N: usize>(above: &[u8], line: &mut [u8]) {
    let mut left = [0; N];
    for (pixel, up) in line.as_chunks_mut::<N>().0.iter_mut().zip(above.as_chunks::<N>().0) {
        for ((value, left), up) in pixel.iter_mut().zip(left).zip(up) {
            let mean = (u16::from(left) + u16::from(*up)) / 2;
            *value = value.wrapping_add(mean as u8);
        }
        left = *pixel;
    }
}

fn undo_paeth<const N: usize>(above: &[u8], line: &mut [u8]) {
    let mut left = [0; N];
    let mut corner = [0; N];
    for (pixel, up) in line.as_chunks_mut::<N>().0.iter_mut().zip(above.as_chunks::<N>().0) {
        for (((value, left), up), corner) in pixel.iter_mut().zip(left).zip(up).zip(corner) {
            *value = value.wrapping_add(paeth(left, *up, corner));
        }
        left = *pixel;
        corner = *up;
    }
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let (by_left, by_up, by_corner) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if by_left <= by_up && by_left <= by_corner {
        left
    } else if by_up <= by_corner {
        up
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_cover_every_pixel_once() {
        for (width, height) in [(1, 1), (2, 3), (5, 4), (8, 8), (9, 17)] {
            let pixels: usize = INTERLACED
                .iter()
                .map(|pass| count(width, pass.column) * count(height, pass.row))
                .sum();
            assert_eq!(pixels, width * height);
        }
    }

    #[test]
    fn small_samples_come_highest_bits_first() {
        let mut out = [0; 5];
        unpack(&[0b1101_1000, 0b0100_0000], 2, 0x55, &mut out);
        assert_eq!(out, [0xff, 0x55, 0xaa, 0, 0x55]);
    }
}
