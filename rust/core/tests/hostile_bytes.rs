//! Properties of the parsers of files that anybody may have written: they end, take no more memory
//! than they say, and read back what they wrote.

use lakebed_core::Dtype;
use lakebed_core::codec::image::{self, ImageFormat};
use lakebed_core::codec::{exif, lz4};
use proptest::collection::vec;
use proptest::prelude::*;

const MAX_BYTES: usize = 1 << 20;
const JPEG: &[u8] = b"\xff\xd8\xff";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Bytes that look like a file of some format for as long as possible.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let jpeg_part = prop_oneof![
        // A marker, a length and a body of about that length.
        (0xc0_u8..=0xff, any::<u16>(), vec(any::<u8>(), 0..40)).prop_map(
            |(marker, length, body)| {
                let length = if length % 2 == 0 { body.len() as u16 + 2 } else { length };
                [&[0xff, marker], &length.to_be_bytes()[..], &body].concat()
            }
        ),
        vec(any::<u8>(), 0..30),
    ];
    let png_part = prop_oneof![
        (
            prop::sample::select(vec![*b"IHDR", *b"IDAT", *b"PLTE", *b"tRNS", *b"eXIf", *b"IEND"]),
            any::<u32>(),
            vec(any::<u8>(), 0..40),
        )
            .prop_map(|(name, length, body)| {
                let length = if length % 2 == 0 { body.len() as u32 } else { length };
                [&length.to_be_bytes()[..], &name, &body, &[0; 4]].concat()
            }),
        vec(any::<u8>(), 0..30),
    ];
    prop_oneof![
        vec(any::<u8>(), 0..200),
        vec(jpeg_part, 0..6).prop_map(|parts| [JPEG, &parts.concat()].concat()),
        vec(png_part, 0..6).prop_map(|parts| [PNG, &parts.concat()].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in file()) {
        let header = image::info(&bytes);
        let _ = (image::verify(&bytes), exif::tags(&bytes));
        if let Ok((info, data)) = image::decode(&bytes, MAX_BYTES) {
            prop_assert!(data.len() <= MAX_BYTES);
            prop_assert_eq!(data.len() as u64, info.decoded_bytes());
            prop_assert_eq!(header, Ok(info));
        }
        if let Ok(data) = lz4::decompress(&bytes, MAX_BYTES) {
            prop_assert!(data.len() <= MAX_BYTES);
        }
    }

    #[test]
    fn png_keeps_every_pixel(
        (height, width, channels) in (1_u64..9, 1_u64..9, 0_u64..=4),
        seed in vec(any::<u8>(), 9 * 9 * 4),
    ) {
        let mut shape = vec![height, width];
        shape.extend((channels > 0).then_some(channels));
        let size = shape.iter().product::<u64>() as usize;
        let data = seed.get(..size).unwrap();
        let file = image::encode(ImageFormat::Png, &shape, Dtype::UInt8, data).unwrap();
        let (info, pixels) = image::decode(&file, MAX_BYTES).unwrap();
        if channels == 1 {
            shape.pop();
        }
        prop_assert_eq!((info.shape, info.dtype), (shape, Dtype::UInt8));
        prop_assert_eq!(pixels, data);
        prop_assert_eq!(image::verify(&file), Ok(()));
    }

    #[test]
    fn jpeg_keeps_the_shape(
        (height, width) in (1_u64..40, 1_u64..40),
        is_gray: bool,
        byte: u8,
    ) {
        let shape = if is_gray { vec![height, width] } else { vec![height, width, 3] };
        let data = vec![byte; shape.iter().product::<u64>() as usize];
        let file = image::encode(ImageFormat::Jpeg, &shape, Dtype::UInt8, &data).unwrap();
        let (info, pixels) = image::decode(&file, MAX_BYTES).unwrap();
        prop_assert_eq!((info.shape, pixels.len()), (shape, data.len()));
        // One colour survives but for rounding.
        prop_assert!(pixels.iter().all(|pixel| pixel.abs_diff(byte) <= 2));
    }
}
