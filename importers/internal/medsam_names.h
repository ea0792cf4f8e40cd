// What file and folder names of the MedSAM layouts say (docs/importers/medsam-npz.md).
// Any thread.
#pragma once

#include <string>

namespace slicebank::medsam {

struct CaseName {
  std::string modality;  // the word as it is written; empty where none is known
  std::string dataset;   // "CT_Abd", "3DBox_MR"; the folder's name, or the root's, for others
  std::string split;     // "train", "test" of the folders, "test" of the challenge's names
  bool volume = false;   // the name begins with "3D"
};

// `path` is relative to the root; `stem` the file name without ending. "CT_Abd_amos_0004":
// modality, dataset, case. "3DBox_CT_0566" and "2DBox_US_0012": the challenge's test cases.
CaseName parse_case(const std::string& path, const std::string& stem, const std::string& root);

// Whether the first word of a name, behind 2D_, 3D_, 2DBox_ or 3DBox_, is a modality.
bool names_a_modality(const std::string& stem);

}  // namespace slicebank::medsam
