//! Properties of all parsers: whatever they accept survives a round trip, and whatever they are
//! given, they do not panic.

use super::chunk_id::ChunkId;
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// Parses, and where that succeeds checks that writing and parsing again changes nothing.
fn round_trip<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    parse: impl Fn(&[u8]) -> Result<T>,
    write: impl Fn(&T) -> Vec<u8>,
) {
    if let Ok(value) = parse(bytes) {
        let again = parse(&write(&value)).expect("what we write, we read");
        assert_eq!(again, value);
    }
}

fn chunk_round_trip(bytes: &[u8]) {
    let Ok(header) = ChunkHeader::parse(bytes) else { return };
    let samples = header.num_samples();
    for local in [0, 1, samples / 2, samples.saturating_sub(1), samples, u64::MAX] {
        let _ = header.shapes.shape_of(local);
        let _ = header.positions.range_of(local);
    }
    let data = bytes[header.data_start..].to_vec();
    let Ok(chunk) = ChunkBuilder::from_parts(header, data) else { return };
    let again = ChunkHeader::parse(&chunk.to_bytes(chunk.data())).expect("what we write, we read");
    assert_eq!((&again.shapes, &again.positions), (chunk.shapes(), chunk.positions()));
}

fn every_parser(bytes: &[u8]) {
    chunk_round_trip(bytes);
    round_trip(bytes, ChunkIds::parse, ChunkIds::to_bytes);
    round_trip(bytes, Creds::parse, Creds::to_bytes);
    round_trip(bytes, Sequence::parse, Sequence::to_bytes);
    round_trip(bytes, Tiles::parse, Tiles::to_bytes);
    round_trip(bytes, Pads::parse, Pads::to_bytes);
    round_trip(bytes, ChunkSet::parse, ChunkSet::to_bytes);
    round_trip(bytes, CommitDiff::parse, CommitDiff::to_bytes);
    round_trip(bytes, DatasetDiff::parse, DatasetDiff::to_bytes);
    round_trip(bytes, DatasetMeta::parse, DatasetMeta::to_bytes);
    round_trip(bytes, TensorMeta::parse, TensorMeta::to_bytes);
    round_trip(bytes, VersionTree::parse, VersionTree::to_bytes);
    round_trip(bytes, LinkedCreds::parse, LinkedCreds::to_bytes);
    let _ = CommitNode::parse(bytes);
    // An expiry of NaN equals nothing, so the bytes are compared.
    if let Ok(lock) = LockFile::parse(bytes) {
        assert_eq!(lock.to_bytes(""), bytes[..18]);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (version::parse_version(text), ChunkId::parse_name(text));
        let _ = (version::compare_versions(text, VERSION), check_creds_key(text));
        if let Ok(clean) = check_tensor_name(text) {
            assert_eq!(check_tensor_name(&clean).as_deref(), Ok(clean.as_str()));
            check_stored_key(&clean).expect("what may be created can be read");
        }
    }
}

/// One file of each kind, with rows in it.
fn valid_files() -> Vec<Vec<u8>> {
    let mut chunk = ChunkBuilder::new();
    chunk.push_none(None).unwrap();
    chunk.push_run(&[2, 3], 2, &[7; 12]).unwrap();
    chunk.push(&[1, 1], &[8]).unwrap();
    let mut ids = ChunkIds::default();
    ids.push_chunk(ChunkId(0x1234), 3).unwrap();
    ids.push_tiles(&[ChunkId(5), ChunkId(6)]).unwrap();
    let (mut creds, mut sequence, mut tiles) =
        (Creds::default(), Sequence::default(), Tiles::default());
    for number in [0, 1, 1, 2] {
        creds.push(number, 2).unwrap();
        sequence.push(number.into()).unwrap();
    }
    tiles.insert(3, &[90, 75], &[45, 75]).unwrap();
    let mut diff = CommitDiff::first_change(4);
    (diff.updated, diff.deleted, diff.deleted_ids) = (vec![1, 2], vec![3], vec![9]);
    let names = DatasetDiff {
        renamed: vec![("a".into(), "b".into())],
        deleted: vec!["c".into()],
        ..DatasetDiff::default()
    };
    let mut meta = DatasetMeta::default();
    meta.tensors.push("g/x".into());
    meta.tensor_names.insert("g/y".into(), "g/x".into());
    let mut tensor = TensorMeta::default();
    tensor.update_bounds(&[3, 4]).unwrap();
    let link = Link { extend: Some("extend_id".into()), ..Link::default() };
    tensor.links.insert("g/_x_id".into(), link);
    let creds_keys =
        LinkedCreds { creds_keys: vec!["a".into(), "é".into()], ..LinkedCreds::default() };
    vec![
        chunk.to_bytes(chunk.data()),
        ids.to_bytes(),
        creds.to_bytes(),
        sequence.to_bytes(),
        tiles.to_bytes(),
        b"\x063.9.52\x01\0\0\0\x04\0\0\0".to_vec(),
        b"ae6ff656d3a14cfe,1f:ab12,2a:ab12:g/x".to_vec(),
        diff.to_bytes(),
        names.to_bytes(),
        meta.to_bytes(),
        tensor.to_bytes(),
        VersionTree::new().to_bytes(),
        creds_keys.to_bytes(),
        LockFile { node_id: [1; 6], expires: 1e9, tag: 7 }.to_bytes("me"),
    ]
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        every_parser(&bytes);
    }

    #[test]
    fn random_bytes_behind_a_version_never_panic(
        version in prop::sample::select(vec!["3.9.52", "2.7.5", "2.0.5", ""]),
        words in vec(prop_oneof![0_u32..6, any::<u32>()], 0..40),
        tail in vec(any::<u8>(), 0..9),
    ) {
        let mut bytes = Vec::new();
        super::version::write_version_prefix(&mut bytes, version);
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(tail);
        every_parser(&bytes);
    }

    #[test]
    fn damaged_files_never_panic(
        kind in 0_usize..14,
        flips in vec((any::<prop::sample::Index>(), 0_u8..8), 0..4),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = valid_files().swap_remove(kind);
        for (place, bit) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        every_parser(&bytes);
    }

    #[test]
    fn chunks_give_back_what_was_pushed(
        samples in vec((vec(0_u32..4, 2), any::<bool>(), any::<u8>()), 0..40),
    ) {
        let mut chunk = ChunkBuilder::new();
        let mut model: Vec<(Vec<u32>, Vec<u8>)> = Vec::new();
        for (shape, is_none, byte) in samples {
            if is_none {
                chunk.push_none(None).unwrap();
                model.push((vec![0; 2], Vec::new()));
            } else {
                let bytes = vec![byte; (shape[0] * shape[1]) as usize];
                if byte % 2 == 0 {
                    chunk.push(&shape, &bytes).unwrap();
                } else {
                    chunk.push_unjoined(&shape, &bytes).unwrap();
                }
                model.push((shape, bytes));
            }
        }
        let file = chunk.to_bytes(chunk.data());
        let header = ChunkHeader::parse(&file).unwrap();
        prop_assert_eq!(header.num_samples(), model.len() as u64);
        let data = &file[header.data_start..];
        let has_shapes = header.shapes.ndim().is_some();
        for (local, (shape, bytes)) in model.iter().enumerate() {
            let range = header.positions.range_of(local as u64).unwrap();
            prop_assert_eq!(&data[range.start as usize..range.end as usize], &bytes[..]);
            let expected = has_shapes.then_some(&shape[..]);
            prop_assert_eq!(header.shapes.shape_of(local as u64), expected);
        }
    }

    #[test]
    fn chunk_ids_find_every_sample(counts in vec(1_u64..5, 1..30), tiled in vec(1_usize..4, 0..5)) {
        let mut ids = ChunkIds::default();
        let mut next = 1;
        let mut model = Vec::new();
        for count in counts {
            ids.push_chunk(ChunkId(next), count).unwrap();
            model.extend(std::iter::repeat_n((next, 1), count as usize));
            next += 1;
        }
        for tiles in tiled {
            let own: Vec<_> = (0..tiles as u64).map(|tile| ChunkId(next + tile)).collect();
            ids.push_tiles(&own).unwrap();
            model.push((next, tiles));
            next += tiles as u64;
        }
        prop_assert_eq!(ids.num_samples(), model.len() as u64);
        for (index, (id, tiles)) in model.iter().enumerate() {
            let located = ids.locate(index as u64).unwrap();
            prop_assert_eq!((located.id.0, located.tiles), (*id, *tiles));
            prop_assert!(located.first <= index as u64 && index as u64 <= located.last);
        }
        prop_assert_eq!(ChunkIds::parse(&ids.to_bytes()).unwrap(), ids);
    }

    #[test]
    fn versions_survive(version in "[0-9.]{0,255}", tail in vec(any::<u8>(), 0..9)) {
        let mut bytes = Vec::new();
        version::write_version_prefix(&mut bytes, &version);
        bytes.extend(&tail);
        let mut reader = reader::Reader::new(&bytes);
        prop_assert_eq!(version::parse_version_prefix(&mut reader).unwrap(), version);
        prop_assert_eq!(reader.rest(), tail);
    }

    #[test]
    fn trees_are_rebuilt_or_refused(
        nodes in vec((0_usize..6, prop::option::of(0_usize..6), vec(0_usize..6, 0..3)), 0..6),
    ) {
        let id = |number: usize| if number == 0 { FIRST_COMMIT.to_owned() } else { format!("{number:040x}") };
        let nodes = nodes.into_iter().map(|(own, parent, children)| {
            let node = CommitNode {
                children: children.into_iter().map(id).collect(),
                ..CommitNode::open("b", parent.map(id).as_deref())
            };
            (id(own), node)
        });
        if let Ok(tree) = VersionTree::from_nodes(nodes.collect::<Vec<_>>()) {
            prop_assert_eq!(VersionTree::parse(&tree.to_bytes()).unwrap(), tree);
        }
    }

    #[test]
    fn json_texts_survive(text in any::<String>(), float in any::<f64>(), number in any::<i64>()) {
        let value = serde_json::json!({"k": [text, number], "f": {"é\u{7f}": text}});
        for bytes in [RawJson::field(&value), RawJson::line(&value)].map(RawJson::into_bytes) {
            prop_assert!(bytes.is_ascii());
            let again: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(&again, &value);
        }
        if float.is_finite() {
            let bytes = RawJson::line(&serde_json::json!(float)).into_bytes();
            let again: f64 = std::str::from_utf8(&bytes).unwrap().parse().unwrap();
            prop_assert_eq!(again.to_bits(), float.to_bits());
        }
    }
}
