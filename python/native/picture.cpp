// Pictures for people: PNG bytes for notebooks.
#include "exporters/picture.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "formats/png.h"
#include "python/native/native.h"
#include "schema/error.h"
#include "store/reader.h"

namespace slicebank::python {
namespace {

nb::bytes png_bytes(const Image& image) {
  std::vector<std::byte> file;
  {
    const nb::gil_scoped_release release;
    file = png::encode(image.view());
  }
  return nb::bytes(file.data(), file.size());
}

// The slice with outlines and legend; `side` above 0: fitted into that square, no legend.
nb::bytes overlay_png(const Bank& bank, std::uint64_t id, bool fill, bool legend,
                      const std::string& title, std::uint32_t side) {
  Image picture;
  {
    const nb::gil_scoped_release release;
    const Sample sample = bank.reader().sample(SampleId{id});
    OverlayOptions options;
    options.fill = fill;
    options.legend = legend;
    options.title = title;
    picture = draw_overlay(sample, *bank.taxonomy(), options);
    if (side > 0) picture = fit(picture, side, side);
  }
  return png_bytes(picture);
}

nb::bytes sheet_png(const Bank& bank, nb::handle sequence, const std::vector<std::string>& captions,
                    std::uint32_t side, std::uint32_t columns) {
  const std::vector<SampleId> ids = ids_of(sequence);
  if (captions.size() != ids.size()) {
    throw Error(ErrorCode::bad_argument, "a contact sheet needs a caption for each sample");
  }
  Image picture;
  {
    const nb::gil_scoped_release release;
    std::vector<Tile> tiles;
    const Reader reader = bank.reader();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      tiles.push_back({reader.sample(ids[i]), captions[i]});
    }
    picture = contact_sheet(tiles, *bank.taxonomy(), side, columns);
  }
  return png_bytes(picture);
}

}  // namespace

void bind_picture(nb::module_& module) {
  using namespace nb::literals;
  module.def("overlay_png", &overlay_png, "bank"_a, "id"_a, "fill"_a, "legend"_a, "title"_a,
             "side"_a);
  module.def("sheet_png", &sheet_png, "bank"_a, "ids"_a, "captions"_a, "side"_a, "columns"_a,
             nb::sig("def sheet_png(bank: Bank, ids: typing.Any, captions: "
                     "collections.abc.Sequence[str], side: int, columns: int) -> bytes"));
}

}  // namespace slicebank::python
