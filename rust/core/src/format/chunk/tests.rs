//! What chunks refuse, and that they are read as they were written.

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
