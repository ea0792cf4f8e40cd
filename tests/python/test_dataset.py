"""Items and batches against plain numpy."""

from __future__ import annotations

import pickle
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import slicebank as sb

CLASSES = ["liver", "kidney", "optic disc"]


def same(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        if isinstance(value, list):
            assert len(value) == len(b[name])
            for x, y in zip(value, b[name]):
                numpy.testing.assert_array_equal(x, y)
        else:
            numpy.testing.assert_array_equal(value, b[name])


def gray(image: NDArray[Any]) -> NDArray[numpy.float64]:
    if image.ndim == 2:
        return image.astype(float)
    return image.astype(float) @ numpy.array([0.299, 0.587, 0.114])


def bilinear(image: NDArray[numpy.float64], height: int, width: int) -> NDArray[numpy.float64]:
    """Half-pixel centres, edges repeated."""

    def weights(old: int, new: int) -> NDArray[numpy.float64]:
        at = numpy.clip((numpy.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        low = numpy.floor(at).astype(int)
        matrix = numpy.zeros((new, old))
        matrix[numpy.arange(new), low] += 1 - (at - low)
        matrix[numpy.arange(new), numpy.minimum(low + 1, old - 1)] += at - low
        return matrix

    return weights(image.shape[0], height) @ image @ weights(image.shape[1], width).T


def nearest(mask: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """The pixel under the centre; of two that meet there, the left or upper one."""

    def under(old: int, new: int) -> NDArray[Any]:
        return ((2 * numpy.arange(new) + 1) * old - 1) // (2 * new)

    return mask[under(mask.shape[0], height)][:, under(mask.shape[1], width)]


def test_pixels_are_kept_where_nothing_is_asked(bank: sb.Bank) -> None:
    dataset = sb.Dataset(bank.all(), dtype="uint8", layout="hwc")
    for place in range(0, len(dataset), 7):
        image = bank.image(int(bank.all().ids[place]))
        item = dataset[place]
        assert (item["image"].reshape(image.shape) == image).all()
        assert item["id"] == bank.all().ids[place]
        assert item["image"].flags.writeable


def test_masks_labels_and_states(bank: sb.Bank) -> None:
    dataset = sb.Dataset(bank.all(), CLASSES, masks=True, label_map=True, channels="gray")
    for place in range(0, len(dataset), 5):
        sample, item = bank.all()[place], dataset[place]
        expected = numpy.stack(
            [
                sample.masks[name] if name in sample.masks else numpy.zeros((sample.height, sample.width))
                for name in CLASSES
            ]
        )
        assert (item["masks"] == expected).all()
        labels = numpy.zeros(expected.shape[1:], int)
        for number, mask in enumerate(expected):
            labels[mask > 0] = number + 1
        assert (item["label_map"] == labels).all()
        assert (item["label_mask"].astype(bool) == sample.label_mask(CLASSES)).all()


@pytest.mark.parametrize("side", [48, 80, 150])
def test_resizing_is_that_of_numpy(bank: sb.Bank, side: int) -> None:
    chosen = bank.where("class = 'liver'").take(4)
    dataset = sb.Dataset(
        chosen, ["liver"], size=(side, side + 10), resize="stretch", channels="gray"
    )
    for place, sample in enumerate(chosen):
        assert sample.image is not None
        item = dataset[place]
        numpy.testing.assert_allclose(
            item["image"][0], bilinear(gray(sample.image), side, side + 10), atol=2e-2
        )
        assert (item["masks"][0] == nearest(sample.masks["liver"], side, side + 10)).all()


def test_padding_and_cropping(bank: sb.Bank) -> None:
    sample = bank.where("modality = 'CT'")[0]
    image = gray(bank.image(sample.id))
    chosen = bank.ids([sample.id])
    padded = sb.Dataset(chosen, size=(104, 112), channels="gray", pad_value=-1, pad_align="top_left")[0]
    expected = numpy.full((104, 112), -1.0)
    expected[:96, :96] = image
    numpy.testing.assert_allclose(padded["image"][0], expected, atol=2e-4)
    cropped = sb.Dataset(chosen, crop="center", crop_size=(40, 30), channels="gray")[0]
    numpy.testing.assert_allclose(cropped["image"][0], image[28:68, 33:63], atol=2e-4)


def test_intensities(bank: sb.Bank) -> None:
    sample = bank.where("modality = 'MR'")[0]
    image = gray(bank.image(sample.id))
    chosen = bank.ids([sample.id])

    def got(**options: Any) -> NDArray[Any]:
        found: NDArray[Any] = sb.Dataset(chosen, channels="gray", **options)[0]["image"][0]
        return found

    spread = image.max() - image.min()
    numpy.testing.assert_allclose(got(intensity="min_max"), (image - image.min()) / spread, atol=1e-4)
    numpy.testing.assert_allclose(
        got(intensity="z_score"), (image - image.mean()) / image.std(), atol=1e-3
    )
    low, high = numpy.percentile(image, [1, 99])
    numpy.testing.assert_allclose(
        got(intensity="percentile", percentiles=(1, 99)),
        numpy.clip((image - low) / (high - low), 0, 1),
        atol=1e-3,
    )
    numpy.testing.assert_allclose(
        got(intensity="window", window=(100, 80), range=(-1, 1)),
        numpy.clip((image - 60) / 80, 0, 1) * 2 - 1,
        atol=1e-4,
    )


def test_flips_turn_image_and_mask_alike(bank: sb.Bank) -> None:
    chosen = bank.where("class = 'liver'").take(6)
    options: dict[str, Any] = {"channels": "gray", "size": 96}
    plain = sb.Dataset(chosen, ["liver"], **options)
    flipped = sb.Dataset(chosen, ["liver"], flip_horizontal=1.0, **options)
    for place in range(len(chosen)):
        assert (flipped[place]["image"] == plain[place]["image"][:, :, ::-1]).all()
        assert (flipped[place]["masks"] == plain[place]["masks"][:, :, ::-1]).all()


def test_prompts_lie_where_they_should(bank: sb.Bank) -> None:
    dataset = sb.Dataset(
        bank.where("mask(area > 30)"),
        keys="sam",
        size=96,
        channels="rgb",
        min_area=30,
        positive_points=3,
        negative_points=2,
        box_jitter=4,
    )
    for place in range(0, len(dataset), 4):
        item = dataset[place]
        count = len(item["label"])
        assert item["boxes"].shape == (count, 4) and item["point_coords"].shape == (count, 5, 2)
        for mask, tight, box, center, area, points, labels in zip(
            item["label"],
            item["tight_boxes"],
            item["boxes"],
            item["centroids"],
            item["areas"],
            item["point_coords"].astype(int),
            item["point_labels"],
        ):
            y, x = mask.nonzero()
            assert tight.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]
            assert abs(box - tight).max() <= 4 and area == mask.sum() >= 30
            numpy.testing.assert_allclose(center, [x.mean(), y.mean()], atol=1e-3)
            for (px, py), label in zip(points, labels):
                assert label == -1 or mask[py, px] == label
    one = sb.Dataset(bank.where("mask(area > 30)"), size=96, one_instance=True)
    assert all(len(one[place]["boxes"]) == 1 for place in range(len(one)))


def test_getitems_is_getitem_many_times(bank: sb.Bank) -> None:
    dataset = sb.Dataset(
        bank.all(), CLASSES, size=64, resize="fit", channels="rgb", flip_vertical=0.5, rot90=True, threads=3
    )
    places = [5, 2, 2, 19, 0]
    for got, place in zip(dataset.__getitems__(places), places):
        same(got, dataset[place])
    stacked = sb.collate(dataset.__getitems__(places))
    assert stacked["image"].shape == (5, 3, 64, 64) and stacked["masks"].shape == (5, 3, 64, 64)
    same(stacked, sb.collate([dataset[place] for place in places]))
    assert [item["id"] for item in dataset[2:5]] == bank.all().ids[2:5].tolist()


def test_ragged_masks_become_lists(bank: sb.Bank) -> None:
    dataset = sb.Dataset(bank.where("class = 'liver'"), size=64, resize="fit", channels="rgb", instances=True)
    batch = sb.collate(dataset.__getitems__([0, 1, 2]))
    assert [len(each) for each in batch["boxes"]] == [len(each) for each in batch["instance_masks"]]
    assert batch["image"].shape[0] == 3
    same(batch, sb.collate([dataset[i] for i in range(3)]))


def test_a_transform_has_the_last_word(bank: sb.Bank) -> None:
    dataset = bank.all().dataset(transform=lambda item: item["id"], size=32, resize="fit", channels="gray")
    assert dataset[0] == bank.all().ids[0] and dataset[1:3] == bank.all().ids[1:3].tolist()
    with pytest.raises(sb.BadArgument, match="transform"):
        sb.Loader(dataset)


def test_a_dataset_pickles_and_repeats(bank: sb.Bank) -> None:
    dataset = sb.Dataset(bank.all(), CLASSES, size=64, resize="fit", channels="rgb", rot90=True, seed=3)
    again = pickle.loads(pickle.dumps(dataset))
    assert repr(again) == repr(dataset)
    same(again[4], dataset[4])
    before = [dataset[i]["image"] for i in range(8)]
    again.set_epoch(1)
    assert any((again[i]["image"] != before[i]).any() for i in range(8))
    again.set_epoch(0)
    assert all((again[i]["image"] == before[i]).all() for i in range(8))


def test_mistakes_are_named(bank: sb.Bank) -> None:
    with pytest.raises(sb.NotFound, match="liver"):
        sb.Dataset(bank.all(), ["livr"])
    with pytest.raises(sb.BadArgument, match="resize"):
        sb.Dataset(bank.all(), size=4, resize="squash")
    with pytest.raises(sb.BadArgument, match="classes"):
        sb.Dataset(bank.all(), masks=True)
    with pytest.raises(sb.BadArgument):
        sb.Dataset(bank.all(), "liver")
    with pytest.raises(TypeError):
        sb.Dataset(bank.all(), colour="red")
    with pytest.raises(sb.BadArgument):
        sb.Dataset(bank.all(), size=8)[0]  # larger than the output, and no resize
    with pytest.raises(IndexError):
        sb.Dataset(bank.all())[len(bank)]


@settings(max_examples=25, deadline=None)
@given(
    side=st.integers(16, 120),
    resize=st.sampled_from(["fit", "stretch"]),
    filter=st.sampled_from(["bilinear", "area", "nearest"]),
    crop=st.sampled_from(["none", "center", "random", "foreground"]),
    layout=st.sampled_from(["chw", "hwc"]),
    dtype=st.sampled_from(["uint8", "int16", "uint16", "float16", "float32"]),
)
def test_any_options_give_their_shape(
    bank: sb.Bank, side: int, resize: str, filter: str, crop: str, layout: str, dtype: str
) -> None:
    dataset = sb.Dataset(
        bank.all(),
        ["liver"],
        size=side,
        resize=resize,
        interpolation=filter,
        crop=crop,
        crop_size=50,
        channels="rgb",
        layout=layout,
        dtype=dtype,
        intensity="min_max",
    )
    item = dataset[0]
    assert item["image"].shape == ((3, side, side) if layout == "chw" else (side, side, 3))
    assert item["image"].dtype == numpy.dtype(dtype) and item["masks"].shape == (1, side, side)
    assert set(numpy.unique(item["masks"])) <= {0, 1}
