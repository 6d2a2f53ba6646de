//! Chunk files: header, and the builder of new chunks (format 2).
//!
//! ```text
//! offset  size                 field
//! 0       1                    n: length of the version string
//! 1       n                    version, ASCII
//! 1+n     4                    s_rows, int32
//! 5+n     4                    s_cols, int32 (ndim + 1; anything when s_rows is 0)
//! 9+n     4*s_rows*s_cols      shape table, uint32
//! a       4                    b_rows, uint32
//! a+4     12*b_rows            byte-position table, uint32
//! b       rest of the file     data
//! ```
//!
//! Owns neither compression nor tiling: data go in and out as the caller has them.

use super::VERSION;
use super::error::{FormatError, Reason, Result};
use super::limits::{MAX_CHUNK_HEADER_BYTES, MAX_CHUNK_SAMPLES, MAX_CHUNK_TABLE_BYTES, MAX_NDIM};
use super::reader::Reader;
use super::tables::{BytePositions, ShapeTable};
use super::version::{parse_version_prefix, write_version_prefix};

/// Everything of a chunk in front of its data. The default is that of a 0-byte file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChunkHeader {
    /// The version that wrote the chunk.
    pub version: String,
    /// Shapes; without rows when only shapeless Nones are in the chunk.
    pub shapes: ShapeTable,
    /// Byte positions; without rows for tiles and for canvases of images.
    pub positions: BytePositions,
    /// Where the data part starts in the file.
    pub data_start: usize,
}

/// What came out of the first bytes of a chunk file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderParse {
    /// The whole header was there.
    Complete(ChunkHeader),
    /// The header goes on: try again with at least so many bytes from the start of the file. A
    /// file that has fewer is damaged.
    NeedBytes(u64),
}

impl ChunkHeader {
    /// Parses a whole chunk file; no bytes are an empty chunk.
    ///
    /// # Errors
    /// The bytes are not a chunk, or end inside the header.
    pub fn parse(file: &[u8]) -> Result<Self> {
        match Self::parse_prefix(file)? {
            HeaderParse::Complete(header) => Ok(header),
            HeaderParse::NeedBytes(need) => Err(FormatError::corrupt(format!(
                "the file ends inside the chunk's header: {} bytes, of {need} or more",
                file.len()
            ))
            .at(file.len())),
        }
    }

    /// Parses the start of a chunk file, of which more may follow.
    ///
    /// # Errors
    /// The bytes cannot be the start of a chunk.
    pub fn parse_prefix(bytes: &[u8]) -> Result<HeaderParse> {
        let Some(n) = bytes.first() else {
            return Ok(HeaderParse::Complete(Self::default()));
        };
        // The version and three counts: no header is shorter.
        let least = 13_u64.saturating_add(u64::from(*n));
        if too_short(bytes, least) {
            return Ok(HeaderParse::NeedBytes(least));
        }
        let mut reader = Reader::new(bytes);
        let version = parse_version_prefix(&mut reader)?.to_owned();
        let (columns, shape_bytes) = parse_shape_counts(&mut reader)?;
        let need = least.saturating_add(shape_bytes);
        if too_short(bytes, need) {
            return Ok(HeaderParse::NeedBytes(need));
        }
        let shapes_at = reader.offset();
        let shapes = reader.take(to_usize(shape_bytes)?, "the table of shapes")?;
        let counted_at = reader.offset();
        let position_bytes = u64::from(reader.u32_le("the number of byte positions")?)
            .saturating_mul(BytePositions::ROW_BYTES as u64);
        let need = need.saturating_add(position_bytes);
        check_header_bytes(need, counted_at)?;
        if too_short(bytes, need) {
            return Ok(HeaderParse::NeedBytes(need));
        }
        let positions_at = reader.offset();
        let positions = reader.take(to_usize(position_bytes)?, "the table of byte positions")?;
        Ok(HeaderParse::Complete(Self {
            version,
            shapes: ShapeTable::parse(shapes, columns, shapes_at)?,
            positions: BytePositions::parse(positions, positions_at)?,
            data_start: reader.offset(),
        }))
    }

    /// Number of samples: shapeless Nones have positions only, tiles and canvases shapes only.
    #[must_use]
    pub fn num_samples(&self) -> u64 {
        self.shapes.num_samples().max(self.positions.num_samples())
    }
}

fn too_short(bytes: &[u8], need: u64) -> bool {
    (bytes.len() as u64) < need
}

fn to_usize(bytes: u64) -> Result<usize> {
    usize::try_from(bytes).map_err(|_| FormatError::limit("a table is larger than memory"))
}

fn check_header_bytes(need: u64, at: usize) -> Result<()> {
    if need > MAX_CHUNK_HEADER_BYTES {
        return Err(FormatError::corrupt(format!(
            "the chunk's header claims {need} bytes, and no chunk has over {MAX_CHUNK_HEADER_BYTES}"
        ))
        .at(at));
    }
    Ok(())
}

/// Reads `s_rows` and `s_cols`; gives the columns and the bytes of the table.
fn parse_shape_counts(reader: &mut Reader<'_>) -> Result<(usize, u64)> {
    let at = reader.offset();
    let rows = reader.i32_le("the number of shapes")?;
    let columns = reader.i32_le("the columns of the shapes")?;
    let Ok(rows) = u64::try_from(rows) else {
        return Err(FormatError::corrupt(format!("the chunk claims {rows} shapes")).at(at));
    };
    if rows == 0 {
        // Writers leave 2 or 0 here, it has no meaning.
        return Ok((0, 0));
    }
    let columns = usize::try_from(columns)
        .ok()
        .filter(|columns| (1..=MAX_NDIM.saturating_add(1)).contains(columns))
        .ok_or_else(|| {
            let rule = format!("the table of shapes claims {columns} columns");
            FormatError::corrupt(rule).at(at.saturating_add(4))
        })?;
    let bytes = rows.saturating_mul(columns as u64).saturating_mul(4);
    check_header_bytes(bytes, at)?;
    Ok((columns, bytes))
}

/// A chunk that takes samples: its two tables, and the data of the samples as they come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChunkBuilder {
    shapes: ShapeTable,
    positions: BytePositions,
    data: Vec<u8>,
}

impl ChunkBuilder {
    /// An empty chunk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A stored chunk that takes more samples; `data` is its data part, decompressed. Bytes
    /// behind the last sample are dropped.
    ///
    /// # Errors
    /// The positions have gaps, or the data are too short for them.
    pub fn from_parts(header: ChunkHeader, mut data: Vec<u8>) -> Result<Self> {
        let ChunkHeader { shapes, positions, .. } = header;
        if !positions.rows().is_empty() {
            if !positions.is_gap_free() {
                return Err(FormatError::corrupt("the samples of the chunk do not lie in order"));
            }
            let end = to_usize(positions.end())?;
            if data.len() < end {
                return Err(FormatError::corrupt(format!(
                    "the chunk's data end at {} bytes, its samples at {end}",
                    data.len()
                )));
            }
            data.truncate(end);
        }
        Ok(Self { shapes, positions, data })
    }

    /// A chunk of one tile (format 2.6), or of one sample without byte positions.
    ///
    /// # Errors
    /// The rank is above the limit.
    pub fn tile(shape: &[u32]) -> Result<Self> {
        let mut tile = Self::new();
        tile.push_shape(shape, 1)?;
        Ok(tile)
    }

    /// Adds one sample.
    ///
    /// # Errors
    /// Another rank than the samples before, or the chunk would exceed the format's limits; the
    /// chunk is as before then.
    pub fn push(&mut self, shape: &[u32], bytes: &[u8]) -> Result<()> {
        self.push_run(shape, 1, bytes)
    }

    /// Adds `count` samples of one shape and of equal size; `bytes` holds all of them.
    ///
    /// # Errors
    /// As [`Self::push`], or `bytes` does not divide by `count`.
    pub fn push_run(&mut self, shape: &[u32], count: u64, bytes: &[u8]) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let total = bytes.len() as u64;
        let uneven = || FormatError::new(Reason::ShapeMismatch, "samples of unequal size in a run");
        let nbytes = total.checked_div(count).ok_or_else(uneven)?;
        if nbytes.checked_mul(count) != Some(total) {
            return Err(uneven());
        }
        let shapes = self.shapes_after(shape, count)?;
        self.positions.push(nbytes, count)?;
        self.take_shapes(shapes, shape, count)?;
        self.data.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds one sample with a position row of its own, as text without sample compression has it.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_unjoined(&mut self, shape: &[u32], bytes: &[u8]) -> Result<()> {
        let shapes = self.shapes_after(shape, 1)?;
        self.positions.push_unjoined(bytes.len() as u64)?;
        self.take_shapes(shapes, shape, 1)?;
        self.data.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds an empty sample: shape `(0,) * ndim`, or none while the rank is not known.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_none(&mut self, ndim: Option<usize>) -> Result<()> {
        match ndim.or_else(|| self.shapes.ndim()) {
            Some(ndim) => self.push(&vec![0; ndim.min(MAX_NDIM.saturating_add(1))], &[]),
            None => self.positions.push(0, 1),
        }
    }

    /// Adds `count` samples to a chunk without byte positions (a canvas of images).
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_shape(&mut self, shape: &[u32], count: u64) -> Result<()> {
        self.shapes.push(shape, count)
    }

    /// Checks that samples of `shape` can follow. When the chunk holds shapeless Nones, gives the
    /// table in which they have rows of zeros in front (format 2.2).
    fn shapes_after(&self, shape: &[u32], count: u64) -> Result<Option<ShapeTable>> {
        let have = self.shapes.num_samples();
        let Some(missing) = self.positions.num_samples().checked_sub(have) else {
            return Err(FormatError::corrupt("the chunk has samples without byte positions"));
        };
        if missing == 0 {
            self.shapes.check_push(shape, count)?;
            return Ok(None);
        }
        let mut shapes = self.shapes.clone();
        shapes.push(&vec![0; shape.len().clamp(1, MAX_NDIM)], missing)?;
        shapes.push(shape, count)?;
        Ok(Some(shapes))
    }

    fn take_shapes(&mut self, new: Option<ShapeTable>, shape: &[u32], count: u64) -> Result<()> {
        match new {
            Some(shapes) => self.shapes = shapes,
            None => self.shapes.push(shape, count)?,
        }
        Ok(())
    }

    /// Number of samples.
    #[must_use]
    pub fn num_samples(&self) -> u64 {
        self.shapes.num_samples().max(self.positions.num_samples())
    }

    /// How many more samples its tables can count.
    #[must_use]
    pub fn room_samples(&self) -> u64 {
        MAX_CHUNK_SAMPLES.saturating_sub(self.num_samples())
    }

    /// Whether its tables are as long as they may become: the next sample needs another chunk.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.room_samples() == 0
            || self.shapes.table_bytes() > MAX_CHUNK_TABLE_BYTES
            || self.positions.table_bytes() > MAX_CHUNK_TABLE_BYTES
    }

    /// Number of bytes of the data part, before compression.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.data.len() as u64
    }

    /// The data part, before compression.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The shapes so far.
    #[must_use]
    pub const fn shapes(&self) -> &ShapeTable {
        &self.shapes
    }

    /// The byte positions so far.
    #[must_use]
    pub const fn positions(&self) -> &BytePositions {
        &self.positions
    }

    /// The header, in the running version.
    #[must_use]
    pub fn header_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_header(&mut out, &self.shapes, &self.positions);
        out
    }

    /// The whole file with this data part, which is [`Self::data`] or its compressed form.
    #[must_use]
    pub fn to_bytes(&self, data: &[u8]) -> Vec<u8> {
        let mut out = self.header_bytes();
        out.reserve_exact(data.len());
        out.extend_from_slice(data);
        out
    }
}

fn write_header(out: &mut Vec<u8>, shapes: &ShapeTable, positions: &BytePositions) {
    write_version_prefix(out, VERSION);
    // The tables hold at most 2^31 - 1 rows: each row took a push or a row of a parsed table.
    let columns = shapes.ndim().unwrap_or(1).saturating_add(1);
    for count in [shapes.num_rows(), columns] {
        out.extend_from_slice(&i32::try_from(count).unwrap_or(i32::MAX).to_le_bytes());
    }
    shapes.write(out);
    let rows = u32::try_from(positions.rows().len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&rows.to_le_bytes());
    positions.write(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn file(numbers: &[u32], data: &[u8]) -> Vec<u8> {
        [b"\x063.9.52".to_vec(), words(numbers), data.to_vec()].concat()
    }

    fn check(chunk: &ChunkBuilder, expected: &[u8]) -> ChunkHeader {
        assert_eq!(chunk.to_bytes(chunk.data()), expected);
        let header = ChunkHeader::parse(expected).unwrap();
        assert_eq!((&header.shapes, &header.positions), (chunk.shapes(), chunk.positions()));
        let data = expected[header.data_start..].to_vec();
        assert_eq!(ChunkBuilder::from_parts(header.clone(), data).unwrap(), *chunk);
        for cut in 1..header.data_start {
            let HeaderParse::NeedBytes(need) = ChunkHeader::parse_prefix(&expected[..cut]).unwrap()
            else {
                panic!("complete at {cut}");
            };
            assert!(need > cut as u64 && need <= header.data_start as u64, "{cut}");
            assert_eq!(ChunkHeader::parse(&expected[..cut]).unwrap_err().offset, Some(cut as u64));
        }
        header
    }

    /// Format 2.3, first dump.
    #[test]
    fn ragged_int16() {
        let numbers: [i16; 14] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1];
        let data: Vec<u8> = numbers.into_iter().flat_map(i16::to_le_bytes).collect();
        let mut chunk = ChunkBuilder::new();
        chunk.push_run(&[3], 4, &data[..24]).unwrap();
        chunk.push(&[2], &data[24..]).unwrap();
        let expected = file(&[2, 2, 3, 3, 2, 4, 2, 6, 0, 3, 4, 24, 4], &data);
        assert_eq!(expected.len(), 87);
        let header = check(&chunk, &expected);
        assert_eq!((header.data_start, header.num_samples()), (59, 5));
        assert_eq!(header.shapes.shape_of(4), Some(&[2][..]));
        assert_eq!(header.positions.range_of(2), Some(12..18));
    }

    /// Format 2.3, second dump.
    #[test]
    fn text_has_a_row_per_sample() {
        let mut chunk = ChunkBuilder::new();
        for text in ["ab", "", "héllo"] {
            chunk.push_unjoined(&[1], text.as_bytes()).unwrap();
        }
        let numbers = [1, 2, 1, 2, 3, 2, 0, 0, 0, 2, 1, 6, 2, 2];
        check(&chunk, &file(&numbers, "abhéllo".as_bytes()));
    }

    /// Format 2.3, third dump.
    #[test]
    fn nones_first() {
        let mut chunk = ChunkBuilder::new();
        chunk.push_none(None).unwrap();
        chunk.push_none(None).unwrap();
        chunk.push(&[2, 2], &[1; 8]).unwrap();
        chunk.push_none(None).unwrap();
        chunk.push(&[1, 3], &[2; 6]).unwrap();
        let shapes = [4, 3, 0, 0, 1, 2, 2, 2, 0, 0, 3, 1, 3, 4];
        let positions = [4, 0, 0, 1, 8, 0, 2, 0, 8, 3, 6, 8, 4];
        let data = [[1; 8].as_slice(), &[2; 6]].concat();
        check(&chunk, &file(&[&shapes[..], &positions].concat(), &data));
    }

    /// Format 2.3, fourth dump.
    #[test]
    fn only_nones() {
        let mut chunk = ChunkBuilder::new();
        for _ in 0..3 {
            chunk.push_none(None).unwrap();
        }
        let header = check(&chunk, &file(&[0, 2, 1, 0, 0, 2], &[]));
        assert_eq!((header.num_samples(), header.shapes.shape_of(0)), (3, None));
    }

    #[test]
    fn tiles_have_no_positions() {
        let tile = ChunkBuilder::tile(&[45, 75]).unwrap();
        let bytes = tile.to_bytes(&[7; 10]);
        assert_eq!(bytes, file(&[1, 3, 45, 75, 0, 0], &[7; 10]));
        let header = ChunkHeader::parse(&bytes).unwrap();
        assert_eq!((header.num_samples(), header.positions.num_samples()), (1, 0));
        assert!(tile.clone().push(&[1, 1], &[]).is_err());
    }

    #[test]
    fn an_empty_file_is_an_empty_chunk() {
        assert_eq!(ChunkHeader::parse(b"").unwrap(), ChunkHeader::default());
        let header = ChunkHeader::parse(&file(&[0, 0, 0], &[])).unwrap();
        assert_eq!((header.num_samples(), header.data_start), (0, 19));
    }

    #[test]
    fn failed_pushes_change_nothing() {
        let mut chunk = ChunkBuilder::new();
        chunk.push(&[2], &[1, 2]).unwrap();
        let before = chunk.clone();
        assert_eq!(chunk.push(&[1, 2], &[1, 2]).unwrap_err().reason, Reason::ShapeMismatch);
        assert!(chunk.push_run(&[2], 2, &[1, 2, 3]).is_err());
        assert!(chunk.push_none(Some(usize::MAX)).is_err());
        assert_eq!(chunk, before);
    }

    #[test]
    fn absurd_counts_are_refused_before_allocating() {
        for (numbers, offset) in [
            (&[u32::MAX, 2, 0][..], 7),
            (&[1, 0, 0], 11),
            (&[1, 257, 0], 11),
            (&[1, u32::MAX, 0], 11),
            (&[i32::MAX as u32, 256, 0], 7),
            (&[0, 2, u32::MAX], 15),
        ] {
            let error = ChunkHeader::parse_prefix(&file(numbers, &[])).unwrap_err();
            assert_eq!(error.offset, Some(offset), "{numbers:?}");
        }
    }

    #[test]
    fn data_must_cover_the_samples_in_order() {
        let parse = |numbers: &[u32]| ChunkHeader::parse(&file(numbers, &[])).unwrap();
        let header = parse(&[0, 2, 2, 4, 0, 0, 2, 4, 1]);
        assert!(ChunkBuilder::from_parts(header.clone(), vec![0; 5]).is_err());
        let taken = ChunkBuilder::from_parts(header, vec![0; 9]).unwrap();
        assert_eq!(taken.data_bytes(), 6);
        let gap = parse(&[0, 2, 2, 4, 0, 0, 2, 5, 1]);
        assert!(ChunkBuilder::from_parts(gap, vec![0; 9]).is_err());
    }
}
