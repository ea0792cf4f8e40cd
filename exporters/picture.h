// Pictures of samples for people: outlines over the image, a legend, a contact sheet.
//
// Everything returns 8-bit RGB images, (height, width, 3). Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/sample.h"
#include "schema/taxonomy.h"

namespace slicebank {

using Rgb = std::array<std::uint8_t, 3>;

// The same class has the same colour in every picture of every bank; neighbours in the
// list of classes differ clearly, on dark and on light images.
Rgb class_colour(ClassId id);

// Any pixel type and channel count as 8-bit RGB: 1 channel as gray, 3 as they are, others
// by their first channel. Wider types are stretched from their 0.5 to 99.5 percentile.
Image to_rgb8(const ImageView& image);

// Nearest-neighbour enlargement by a whole factor, box-filter reduction to fit.
Image fit(const Image& rgb, std::uint32_t width_max, std::uint32_t height_max);

struct OverlayOptions {
  std::uint32_t scale = 0;  // whole factor; 0 chooses one so that small slices are visible
  bool fill = false;        // tint the inside as well
  bool legend = true;       // class names and areas at the side
  std::string title;        // one line above
};

// The slice with one-pixel outlines (inner boundary of each mask, at the drawn scale).
Image draw_overlay(const Sample& sample, const Taxonomy& taxonomy, const OverlayOptions& options);

struct Tile {
  Sample sample;
  std::string caption;
};

// A grid of overlays with captions and one legend for all classes that occur.
Image contact_sheet(const std::vector<Tile>& tiles, const Taxonomy& taxonomy,
                    std::uint32_t tile_side = 256, std::uint32_t columns = 0);

// Text in a fixed 6 x 10 pixel cell, clipped at the image's edge. ASCII; anything else
// is drawn as a box.
void draw_text(Image& rgb, std::uint32_t x, std::uint32_t y, std::string_view text, Rgb colour,
               std::uint32_t scale = 1);

}  // namespace slicebank
