// What the Decathlon's ten tasks mean by their words. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace slicebank::internal {

// "Lung" of "Task06_Lung" or "Dataset006_Lung"; the name itself where it is no such name.
std::string task_word(std::string_view folder);

// Whether the name begins as a folder of the Decathlon or of nnU-Net does: a word, digits,
// and an underscore.
bool is_task_name(std::string_view folder, std::string_view word);

// The full name of a class whose own says too little: "lung tumor" for "cancer" of "Lung".
// Empty where the own name will do. `task` in any case.
std::string meaning_in_task(std::string_view task, std::string_view class_name);

// The body region of a task, as the taxonomy calls it; empty for an unknown one.
std::string region_of_task(std::string_view task);

}  // namespace slicebank::internal
