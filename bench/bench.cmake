# Every bench/<name>_bench.cpp is one program, build/release/bench/<name>_bench.
file(GLOB benches CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_bench.cpp)
find_package(PNG REQUIRED)
pkg_check_modules(charls IMPORTED_TARGET charls)
add_custom_target(slicebank_benches DEPENDS slicebank_phantom_tool)
foreach(source IN LISTS benches)
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  add_dependencies(slicebank_benches ${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE slicebank::slicebank slicebank_phantom PNG::PNG
    PkgConfig::zstd fmt::fmt nlohmann_json::nlohmann_json Threads::Threads slicebank_options)
  if(charls_FOUND)
    target_link_libraries(${name} PRIVATE PkgConfig::charls)
    target_compile_definitions(${name} PRIVATE SLICEBANK_HAVE_CHARLS=1)
  endif()
endforeach()

# record_bench compares with peers, each in a file of its own. The prototype of the codec is
# built with the flags it was measured with, where its headers are found.
set(SLICEBANK_PROTOTYPE_DIR "${PROJECT_SOURCE_DIR}/../shared/prototypes/codec" CACHE PATH
  "Headers of the codec prototype, for record_bench")
if(TARGET record_bench)
  file(GLOB peers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/peers/*.cpp)
  target_sources(record_bench PRIVATE ${peers})
  if(SLICEBANK_X86_64 AND EXISTS ${SLICEBANK_PROTOTYPE_DIR}/w4.h)
    set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/peers/prototype_w4.cpp PROPERTIES
      COMPILE_OPTIONS "-march=haswell;-w"
      COMPILE_DEFINITIONS "SLICEBANK_PROTOTYPE_HEADER=\"${SLICEBANK_PROTOTYPE_DIR}/w4.h\"")
  endif()
endif()

# random_read_bench: what it reads and how its peers read the same.
set(SLICEBANK_SHARED_DATA "${PROJECT_SOURCE_DIR}/../shared/data" CACHE PATH
  "Real sample files; benches use phantom slices where they are absent")
if(TARGET random_read_bench)
  file(GLOB support CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/support/*.cpp)
  target_sources(random_read_bench PRIVATE ${support})
  target_compile_definitions(random_read_bench PRIVATE
    SLICEBANK_BASELINES="${CMAKE_CURRENT_SOURCE_DIR}/baselines"
    SLICEBANK_SHARED_DATA="${SLICEBANK_SHARED_DATA}")
endif()

# index_bench makes its bank itself.
if(TARGET index_bench)
  target_sources(index_bench PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/index_bank.cpp)
endif()
