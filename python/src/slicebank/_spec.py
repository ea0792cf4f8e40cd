"""What happens to a sample on its way into a batch, in Python's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy

from slicebank._errors import BadArgument

if TYPE_CHECKING:
    from slicebank._bank import Bank

Sides = int | tuple[int, int]


def _sides(value: Sides | None) -> tuple[int, int] | None:
    """(height, width); one number is a square."""
    if value is None:
        return None
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _numbers(value: float | Sequence[float] | None) -> list[float]:
    if value is None:
        return []
    return [float(value)] if isinstance(value, (int, float)) else [float(each) for each in value]


def spec_of(
    bank: Bank,
    classes: Sequence[str] | None,
    *,
    image: bool = True,
    size: Sides | None = None,
    resize: str = "none",
    interpolation: str = "bilinear",
    crop: str = "none",
    crop_size: Sides | None = None,
    crop_classes: Sequence[str] = (),
    crop_probability: float = 1 / 3,
    pad_value: float = 0.0,
    pad_align: str = "center",
    flip_horizontal: float = 0.0,
    flip_vertical: float = 0.0,
    rot90: bool = False,
    intensity: str = "none",
    window: tuple[float, float] = (40.0, 400.0),
    percentiles: tuple[float, float] = (0.5, 99.5),
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    range: tuple[float, float] | None = None,
    dtype: Any = "float32",
    layout: str = "chw",
    channels: str = "keep",
    masks: bool | None = None,
    label_map: bool = False,
    labels: bool = False,
    instances: bool = False,
    one_instance: bool = False,
    min_area: int = 1,
    positive_points: int = 0,
    negative_points: int = 0,
    box_jitter: int = 0,
) -> dict[str, Any]:
    """Checks the words and makes what the compiled half reads. Arguments: see Dataset."""
    if isinstance(classes, str):
        raise BadArgument("classes is a list of names", f"classes=[{classes!r}]", "bad_argument")
    numbers = [bank.class_id(name) for name in classes or ()]
    if masks is None:
        masks = bool(numbers) and not (label_map or labels or instances)
    if not numbers and (masks or label_map or labels):
        raise BadArgument("masks, label_map and labels need classes", "classes=[...]", "bad_argument")
    if intensity == "mean_std" and (mean is None or std is None):
        raise BadArgument("intensity='mean_std' needs mean and std", "", "bad_argument")
    return {
        "image": image,
        "classes": numbers,
        "size": _sides(size),
        "resize": resize,
        "interpolation": interpolation,
        "crop": crop,
        "crop_size": _sides(crop_size),
        "crop_classes": [bank.class_id(name) for name in crop_classes],
        "crop_probability": float(crop_probability),
        "pad_value": float(pad_value),
        "pad_align": pad_align,
        "flip_horizontal": float(flip_horizontal),
        "flip_vertical": float(flip_vertical),
        "rot90": rot90,
        "intensity": intensity,
        "window": (float(window[0]), float(window[1])),
        "percentiles": (float(percentiles[0]), float(percentiles[1])),
        "mean": _numbers(mean),
        "std": _numbers(std),
        "range": None if range is None else [float(range[0]), float(range[1])],
        "dtype": numpy.dtype(dtype).name,
        "layout": layout,
        "channels": channels,
        "masks": masks,
        "label_map": label_map,
        "labels": labels,
        "instances": instances or one_instance or positive_points > 0 or negative_points > 0,
        "one_instance": one_instance,
        "min_area": min_area,
        "positive_points": positive_points,
        "negative_points": negative_points,
        "box_jitter": box_jitter,
    }
