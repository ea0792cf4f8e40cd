// slicebank::Error as the exceptions of slicebank/_errors.py.
#include "python/native/native.h"
#include "schema/error.h"

namespace slicebank::python {
namespace {

const char* code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_argument:
      return "bad_argument";
    case ErrorCode::bad_format:
      return "bad_format";
    case ErrorCode::bad_query:
      return "bad_query";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::already_exists:
      return "already_exists";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::wrong_version:
      return "wrong_version";
    case ErrorCode::locked:
      return "locked";
    case ErrorCode::needs_reindex:
      return "needs_reindex";
    case ErrorCode::out_of_space:
      return "out_of_space";
    case ErrorCode::limit:
      return "limit";
    case ErrorCode::io:
      return "io";
    case ErrorCode::interrupted:
      return "interrupted";
  }
  return "io";
}

void translate(const std::exception_ptr& thrown, void*) {
  const auto raise = [](const Error& error, nb::object text, nb::object column) {
    const nb::object make = nb::module_::import_("slicebank._errors").attr("from_native");
    // Messages may quote file names that are no UTF-8.
    const auto words = [](const std::string& bytes) {
      return nb::steal<nb::object>(PyUnicode_DecodeUTF8(
          bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "backslashreplace"));
    };
    const nb::object exception = make(code_name(error.code()), words(error.what()),
                                      words(error.hint()), std::move(text), std::move(column));
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  };
  try {
    std::rethrow_exception(thrown);
  } catch (const QueryError& error) {
    raise(error, nb::str(error.text().c_str(), error.text().size()), nb::int_(error.column()));
  } catch (const Error& error) {
    raise(error, nb::none(), nb::none());
  }
}

}  // namespace

void bind_errors(nb::module_&) { nb::register_exception_translator(translate); }

}  // namespace slicebank::python
