"""What C++ does to pixels, beside the same in plain numpy, and in OpenCV where it is installed."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

import slicebank as sb


def first(bank: sb.Bank, filter: str = "class = 'liver'") -> tuple[sb.Selection, NDArray[Any]]:
    """A selection of one gray slice, and its pixels as floats."""
    chosen = bank.where(filter).take(1)
    image = bank.image(int(chosen.ids[0])).astype(float)
    if image.ndim == 3:
        image = image @ numpy.array([0.299, 0.587, 0.114])
    return chosen, image


def item(chosen: sb.Selection, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = sb.Dataset(chosen, ["liver"], channels="gray", **options)[0]
    return found


def area(image: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """The average over what an output pixel covers; for sides that shrink."""

    def weights(old: int, new: int) -> NDArray[Any]:
        edges = numpy.arange(new + 1) * old / new
        low, high = numpy.arange(old), numpy.arange(old) + 1
        shared = numpy.minimum(edges[1:, None], high) - numpy.maximum(edges[:-1, None], low)
        covered: NDArray[Any] = numpy.clip(shared, 0, None) * new / old
        return covered

    return weights(image.shape[0], height) @ image @ weights(image.shape[1], width).T


@pytest.mark.parametrize(("height", "width"), [(48, 48), (37, 61), (95, 20)])
def test_area_is_the_average(bank: sb.Bank, height: int, width: int) -> None:
    chosen, image = first(bank)
    got = item(chosen, size=(height, width), resize="stretch", interpolation="area")["image"][0]
    numpy.testing.assert_allclose(got, area(image, height, width), atol=2e-2)


@pytest.mark.parametrize("side", [40, 96, 150])
def test_opencv_agrees(bank: sb.Bank, side: int) -> None:
    cv2 = pytest.importorskip("cv2", reason="SKIPPED: no OpenCV")
    chosen, image = first(bank)
    mask = chosen[0].masks["liver"].astype(numpy.uint8)
    for name, flag in (("bilinear", cv2.INTER_LINEAR), ("area", cv2.INTER_AREA)):
        if name == "area" and side > 96:
            continue  # OpenCV's is another one where sides grow
        got = item(chosen, size=side, resize="stretch", interpolation=name)
        wanted = cv2.resize(image.astype(numpy.float32), (side, side), interpolation=flag)
        numpy.testing.assert_allclose(got["image"][0], wanted, atol=5e-2)
        nearest = cv2.resize(mask, (side, side), interpolation=cv2.INTER_NEAREST_EXACT)
        assert (got["masks"][0] != nearest).mean() < 0.01  # it rounds some ties otherwise


def test_fit_keeps_the_aspect_and_pads(bank: sb.Bank) -> None:
    chosen, image = first(bank)
    got = item(chosen, size=(48, 100), resize="fit", interpolation="area", pad_value=-3)["image"][0]
    wanted = numpy.full((48, 100), -3.0)
    wanted[:, 26:74] = area(image, 48, 48)
    numpy.testing.assert_allclose(got, wanted, atol=2e-2)


def test_mean_std_is_a_straight_line(bank: sb.Bank) -> None:
    chosen, image = first(bank)
    got = item(chosen, intensity="mean_std", mean=100, std=25)["image"][0]
    numpy.testing.assert_allclose(got, (image - 100) / 25, atol=1e-4)


def test_vertical_flips(bank: sb.Bank) -> None:
    chosen, _ = first(bank)
    plain, flipped = item(chosen), item(chosen, flip_vertical=1.0)
    assert (flipped["image"] == plain["image"][:, ::-1]).all()
    assert (flipped["masks"] == plain["masks"][:, ::-1]).all()


def test_quarter_turns_are_turns_and_all_of_them(bank: sb.Bank) -> None:
    chosen, _ = first(bank)
    plain = item(chosen)
    dataset = sb.Dataset(chosen, ["liver"], channels="gray", rot90=True)
    turns = set()
    for epoch in range(40):
        dataset.set_epoch(epoch)
        got = dataset[0]
        (turn,) = (
            k for k in range(4) if (numpy.rot90(plain["image"], k, (1, 2)) == got["image"]).all()
        )
        assert (numpy.rot90(plain["masks"], turn, (1, 2)) == got["masks"]).all()
        turns.add(turn)
    assert turns == {0, 1, 2, 3}


@pytest.mark.parametrize("crop", ["random", "foreground"])
def test_crops_are_windows_of_the_slice(bank: sb.Bank, crop: str) -> None:
    chosen, image = first(bank)
    mask = chosen[0].masks["liver"]
    dataset = sb.Dataset(
        chosen, ["liver"], channels="gray", crop=crop, crop_size=(30, 40), crop_probability=1.0
    )
    windows = numpy.lib.stride_tricks.sliding_window_view(image, (30, 40))
    places = set()
    for epoch in range(20):
        dataset.set_epoch(epoch)
        got = dataset[0]
        off = abs(windows - got["image"][0]).max(axis=(2, 3))
        y, x = numpy.unravel_index(off.argmin(), off.shape)
        assert off[y, x] < 1e-3
        assert (got["masks"][0] == mask[y : y + 30, x : x + 40]).all()
        assert crop == "random" or got["masks"].any()
        places.add((int(y), int(x)))
    assert len(places) > 5
