"""One slice with what the annotators drew on it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from slicebank import _native
from slicebank._errors import BadArgument, NotFound

if TYPE_CHECKING:
    from slicebank._bank import Bank


class Mask:
    """One annotated region.

    Attributes:
        class_name: canonical class, ``"left kidney"``.
        class_id: its number in the taxonomy.
        raw_class: 1-based place of the dataset's own word among its classes; 0 for none.
        instance: as the source numbers it.
        mask: (H, W) of bool.
    """

    __slots__ = ("class_id", "class_name", "instance", "mask", "raw_class")

    def __init__(
        self, class_name: str, class_id: int, raw_class: int, instance: int, mask: NDArray[numpy.bool_]
    ) -> None:
        self.class_name = class_name
        self.class_id = class_id
        self.raw_class = raw_class
        self.instance = instance
        self.mask = mask

    @property
    def area(self) -> int:
        """Pixels inside."""
        return int(numpy.count_nonzero(self.mask))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Smallest half-open box ``x0, y0, x1, y1`` in pixels; all 0 when the mask is empty."""
        columns = numpy.flatnonzero(self.mask.any(axis=0))
        if columns.size == 0:
            return (0, 0, 0, 0)
        rows = numpy.flatnonzero(self.mask.any(axis=1))
        return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)

    def __repr__(self) -> str:
        return f"Mask({self.class_name!r}, instance={self.instance}, area={self.area})"


class Masks(Mapping[str, NDArray[numpy.bool_]]):
    """The masks of a sample by class name.

    Keys are the canonical names that occur. A class above them can be asked for too:
    ``masks["kidney"]`` is left and right kidney together, and so is any alias. Where a class
    has several masks (instances), the value is their union, (H, W) of bool.
    """

    def __init__(self, sample: Sample) -> None:
        self._sample = sample

    def __getitem__(self, name: str) -> NDArray[numpy.bool_]:
        found = [mask.mask for mask in self._sample.instances if mask.class_name == name]
        if not found or len(self._sample._below(name)) > 1:
            members = self._sample._below(name)
            found = [mask.mask for mask in self._sample.instances if mask.class_id in members]
        if not found:
            raise KeyError(f"no mask of {name!r}; there are {', '.join(self) or 'none at all'}")
        if len(found) == 1:
            return found[0]
        union = found[0].copy()
        for mask in found[1:]:
            union |= mask
        return union

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(mask.class_name for mask in self._sample.instances))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Masks({', '.join(self)})"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)


class Sample:
    """A slice in memory. All arrays own their memory and may be written to.

    Attributes:
        id: the sample's id in its bank.
        image: (H, W), or (H, W, C) with 2 to 32 channels, of the stored type, bit for bit;
            ``None`` when it was not read.
        instances: every mask, in the order of the source.
        labels: statements about the whole image, class name to value: 1 present, 0 absent,
            or a grade.
        axis: ``"2d"``, ``"x"``, ``"y"`` or ``"z"``: what the slice was cut along.
        slice: index along the axis; 0 for a 2-D image.
        name: stem of the source file, or empty.
        height, width: of the slice, in pixels.
    """

    def __init__(self, bank: Bank, fields: tuple[Any, ...]) -> None:
        self._bank = bank
        self._fields = fields
        id, image, masks, labels, axis, place, stem, height, width = fields
        self.id: int = id
        self.image: NDArray[Any] | None = image
        self.axis: str = axis
        self.slice: int = place
        self.name: str = stem
        self.height: int = height
        self.width: int = width
        name = bank.class_name
        self.instances: list[Mask] = [
            Mask(name(class_id), class_id, raw, number, mask) for class_id, raw, number, mask in masks
        ]
        self.labels: dict[str, float] = {name(class_id): value for class_id, _, value in labels}
        self._meta: dict[str, Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (Sample, (self._bank, self._fields))

    def _below(self, name: str) -> frozenset[int]:
        try:
            return self._bank._class_family(name)
        except NotFound:
            return frozenset()

    @property
    def masks(self) -> Masks:
        """Masks by class name."""
        return Masks(self)

    @property
    def boxes(self) -> NDArray[numpy.int64]:
        """(N, 4): half-open ``x0, y0, x1, y1`` of each of ``instances``, in pixels."""
        return numpy.array([mask.box for mask in self.instances], numpy.int64).reshape(-1, 4)

    @property
    def meta(self) -> dict[str, Any]:
        """Where the slice comes from: dataset, patient, volume, modality, sequence, region,
        official_split, channel_names, spacing_xyz_mm (millimetres, or ``None``), affine_4x4
        (row-major voxel to RAS+ world, or empty), source_path, coverage and more.
        """
        if self._meta is None:
            self._meta = self._bank._native.meta(self.id)
        return self._meta

    def label_mask(self, classes: list[str] | tuple[str, ...]) -> NDArray[numpy.bool_]:
        """(K,): for each class, whether its state is known: present, or looked for and absent.

        False means that nobody looked: a loss must leave that channel out. The three states
        are defined in docs/query_language.md. Raises NotFound for a class there is not.
        """
        if isinstance(classes, str):
            raise BadArgument("label_mask takes a list of class names")
        from slicebank._spec import spec_of

        spec = spec_of(self._bank, list(classes), image=False, label_map=True, masks=False)
        batch = _native.BatchMaker(self._bank._native, spec).sample(self.id, 0, 0, 0)
        return numpy.asarray(batch.arrays(True)["label_mask"], numpy.bool_)

    def picture(self, fill: bool = False, legend: bool = True) -> bytes:
        """PNG of the slice with the outlines of its masks."""
        return _native.overlay_png(self._bank._native, self.id, fill, legend, self.name, 0)

    def show(self, fill: bool = False) -> Any:
        """In a notebook the picture; elsewhere the sample, whose repr is text."""
        try:
            from IPython import display
        except ImportError:
            return self
        return display.Image(self.picture(fill))

    def __repr__(self) -> str:
        masks = ", ".join(self.masks) or "none"
        kind = "" if self.image is None else f" {self.image.dtype}"
        return f"Sample({self.id}, {self.height}x{self.width}{kind}, axis {self.axis}, masks: {masks})"

    def _repr_html_(self) -> str:
        return f'<img alt="sample {self.id}" src="{data_url(self.picture())}">'


def data_url(png: bytes) -> str:
    """The picture as an address of its own, for HTML."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
