//! Decoded pixels equal Pillow's, bit for bit, and so does what is refused: `data/codec` holds
//! small files with Pillow's arrays as shape, element type and SHA-256 (see `generate.py` there).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "functions that tests share fail by panicking, too"
)]

use std::path::PathBuf;

use lakebed_core::Dtype;
use lakebed_core::codec::DEFAULT_MAX_DECODED_BYTES;
use lakebed_core::codec::image::{self, ImageFormat};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/codec")
}

fn vectors() -> Map<String, Value> {
    let text = std::fs::read(folder().join("vectors.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

#[test]
fn pixels_equal_pillows() {
    let mut compared = 0;
    for (name, expected) in vectors() {
        let bytes = file(&name);
        let decoded = image::decode(&bytes, DEFAULT_MAX_DECODED_BYTES);
        if expected.is_null() {
            assert!(decoded.is_err(), "{name} is refused by Pillow");
            continue;
        }
        let (info, data) = decoded.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(serde_json::json!(info.shape), expected["shape"], "{name}");
        assert_eq!(info.dtype.name(), expected["dtype"], "{name}");
        assert_eq!(sha256(&data), expected["sha256"], "{name}");
        assert_eq!(image::info(&bytes).unwrap(), info, "{name}");
        compared += 1;
    }
    assert!(compared > 60, "only {compared} vectors");
}

#[test]
fn the_limit_is_checked_before_memory_is_taken() {
    let bytes = file("rgb_16x16.jpg");
    let size = 16 * 16 * 3;
    assert!(image::decode(&bytes, size).is_ok());
    assert!(image::decode(&bytes, size - 1).is_err());
    // A header that promises 12 TB.
    let mut huge = file("type2_8bit.png");
    huge[16..24].copy_from_slice(&[0, 0x1f, 0xff, 0xff, 0, 0x1f, 0xff, 0xff]);
    assert!(image::decode(&huge, DEFAULT_MAX_DECODED_BYTES).is_err());
    assert_eq!(image::info(&huge).unwrap().shape, [0x1f_ffff, 0x1f_ffff, 3]);
}

#[test]
fn a_buffer_of_another_size_is_refused() {
    for name in ["rgb_16x16.jpg", "type2_8bit.png"] {
        let bytes = file(name);
        let size = usize::try_from(image::info(&bytes).unwrap().decoded_bytes()).unwrap();
        assert!(image::decode_into(&bytes, &mut vec![0; size]).is_ok());
        assert!(image::decode_into(&bytes, &mut vec![0; size - 1]).is_err());
        assert!(image::decode_into(&bytes, &mut vec![0; size + 1]).is_err());
    }
}

#[test]
fn whole_files_are_verified_and_cut_ones_are_not() {
    for name in ["rgb_420.jpg", "rgb_420_progressive.jpg", "by_pillow.png", "type3_4bit.png"] {
        let bytes = file(name);
        image::verify(&bytes).unwrap();
        for cut in [2, bytes.len() / 2, bytes.len() - 12] {
            assert!(image::verify(&bytes[..cut]).is_err(), "{name} cut at {cut}");
        }
    }
}

/// Encoding png loses nothing; jpeg loses little of a smooth image.
#[test]
fn arrays_come_back_from_files() {
    let smooth: Vec<u8> = (0..24 * 20 * 4).map(|i| (i / 16) as u8).collect();
    for (dtype, shape) in [
        (Dtype::UInt8, &[20, 24][..]),
        (Dtype::UInt8, &[20, 24, 1]),
        (Dtype::UInt8, &[20, 24, 2]),
        (Dtype::UInt8, &[20, 24, 3]),
        (Dtype::UInt8, &[20, 24, 4]),
        (Dtype::UInt8, &[1, 1, 1]),
        (Dtype::Int32, &[20, 24]),
    ] {
        let size = shape.iter().product::<u64>() as usize * dtype.item_bytes();
        let mut data = smooth[..size].to_vec();
        if dtype == Dtype::Int32 {
            data.chunks_exact_mut(4).for_each(|value| value[2..].fill(0));
        }
        let stored = image::encode(ImageFormat::Png, shape, dtype, &data).unwrap();
        let (info, back) = image::decode(&stored, 1 << 20).unwrap();
        let kept = if shape.last() == Some(&1) && shape.len() == 3 { &shape[..2] } else { shape };
        assert_eq!((info.shape.as_slice(), info.dtype), (kept, dtype));
        assert_eq!(back, data);
        if dtype == Dtype::UInt8 && matches!(shape, [_, _] | [_, _, 1 | 3]) {
            let stored = image::encode(ImageFormat::Jpeg, shape, dtype, &data).unwrap();
            let (info, back) = image::decode(&stored, 1 << 20).unwrap();
            assert_eq!(info.shape, kept);
            assert!(back.iter().zip(&data).all(|(a, b)| a.abs_diff(*b) < 40));
        }
    }
}

#[test]
fn narrow_types_become_files_that_hold_them() {
    let bits: Vec<u8> = (0..3 * 11).map(|i| u8::from(i % 3 == 0)).collect();
    let stored = image::encode(ImageFormat::Png, &[3, 11], Dtype::Bool, &bits).unwrap();
    assert_eq!(image::decode(&stored, 99).unwrap(), (image::info(&stored).unwrap(), bits));
    let stored = image::encode(ImageFormat::Png, &[1, 2], Dtype::UInt16, &[1, 2, 3, 4]).unwrap();
    assert_eq!(image::decode(&stored, 99).unwrap().1, [1, 2, 0, 0, 3, 4, 0, 0]);
    let wide: Vec<u8> = [-5_i32, 70_000].iter().flat_map(|value| value.to_le_bytes()).collect();
    let stored = image::encode(ImageFormat::Png, &[1, 2], Dtype::Int32, &wide).unwrap();
    assert_eq!(image::decode(&stored, 99).unwrap().1, [0, 0, 0, 0, 255, 255, 0, 0]);
}

#[test]
fn arrays_that_are_no_images_are_refused() {
    for (format, shape, dtype) in [
        (ImageFormat::Jpeg, &[4, 4, 4][..], Dtype::UInt8),
        (ImageFormat::Jpeg, &[4, 4], Dtype::UInt16),
        (ImageFormat::Png, &[4, 4, 3], Dtype::UInt16),
        (ImageFormat::Png, &[4, 4, 5], Dtype::UInt8),
        (ImageFormat::Png, &[4], Dtype::UInt8),
        (ImageFormat::Png, &[0, 4], Dtype::UInt8),
        (ImageFormat::Png, &[4, 4], Dtype::Float32),
        (ImageFormat::Png, &[u64::MAX, u64::MAX], Dtype::UInt8),
    ] {
        let size =
            shape.iter().fold(dtype.item_bytes() as u64, |size, dim| size.wrapping_mul(*dim));
        let data = vec![0; usize::try_from(size).unwrap_or(0).min(1000)];
        assert!(image::encode(format, shape, dtype, &data).is_err(), "{format:?} {shape:?}");
    }
    assert!(image::encode(ImageFormat::Png, &[4, 4], Dtype::UInt8, &[0; 15]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Damaged files decode or do not; nothing panics, hangs or takes more than the limit.
    #[test]
    fn damage_is_harmless(
        which in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        removed in proptest::option::of((any::<prop::sample::Index>(), 1_usize..30)),
        keep in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let names: Vec<_> = vectors().keys().cloned().collect();
        let mut bytes = file(which.get::<String>(&names));
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some((at, count)) = removed {
            let at = at.index(bytes.len());
            let end = (at + count).min(bytes.len());
            bytes.drain(at..end);
        }
        if let Some(keep) = keep {
            bytes.truncate(keep.index(bytes.len() + 1));
        }
        let max_bytes = 1 << 22;
        if let Ok((info, data)) = image::decode(&bytes, max_bytes) {
            prop_assert!(data.len() <= max_bytes);
            prop_assert_eq!(data.len() as u64, info.decoded_bytes());
        }
        let _ = image::verify(&bytes);
        let _ = lakebed_core::codec::exif::tags(&bytes);
    }
}

/// SHA-256 in hexadecimal (FIPS 180-4), so that the vectors need no further crate.
fn sha256(data: &[u8]) -> String {
    let primes = (2_u32..).filter(|n| (2..*n).all(|d| n % d != 0));
    let primes: Vec<f64> = primes.take(64).map(f64::from).collect();
    let fraction = |value: f64| (value.fract() * 4_294_967_296.0) as u32;
    let rounds: Vec<u32> = primes.iter().map(|prime| fraction(prime.cbrt())).collect();
    let mut state: Vec<u32> = primes.iter().take(8).map(|prime| fraction(prime.sqrt())).collect();
    let mut padded = data.to_vec();
    padded.push(0x80);
    padded
        .resize(padded.len().next_multiple_of(64) + if padded.len() % 64 > 56 { 64 } else { 0 }, 0);
    let end = padded.len() - 8;
    padded[end..].copy_from_slice(&(data.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        let mut words: Vec<u32> = block
            .chunks_exact(4)
            .map(|word| u32::from_be_bytes(word.try_into().unwrap()))
            .collect();
        for i in 16..64 {
            let (a, b) = (words[i - 15], words[i - 2]);
            let small = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let large = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            words.push(
                words[i - 16].wrapping_add(small).wrapping_add(words[i - 7]).wrapping_add(large),
            );
        }
        let mut now = state.clone();
        for (word, round) in words.iter().zip(&rounds) {
            let [a, b, c, d, e, f, g, h] = now[..] else { unreachable!() };
            let large = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let one = h.wrapping_add(large).wrapping_add((e & f) ^ (!e & g));
            let one = one.wrapping_add(*round).wrapping_add(*word);
            let small = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let two = small.wrapping_add((a & b) ^ (a & c) ^ (b & c));
            now = vec![one.wrapping_add(two), a, b, c, d.wrapping_add(one), e, f, g];
        }
        state.iter_mut().zip(now).for_each(|(sum, value)| *sum = sum.wrapping_add(value));
    }
    state.iter().map(|word| format!("{word:08x}")).collect()
}

#[test]
fn the_hash_is_sha256() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256(b"abc"), abc);
    assert_eq!(&sha256(&[b'a'; 56])[..8], "b35439a4");
}
