# barrel_layer(name DEPENDS layers... LINK libraries... TEST_LINK libraries...)
#
# One layer of the architecture, from the files in src/<name>:
#   *.cpp        the library barrel_<name>
#   *.test.cpp   the program barrel_<name>_tests, each of whose tests is one of ctest's, with the label `unit`
#   x.fuzz.cpp   with BARREL_FUZZ the libFuzzer program fuzz_x, which ctest runs for BARREL_FUZZ_SECONDS; otherwise
#                replay_x, which ctest runs over the saved inputs in tests/corpus/x
#   guards/*.cpp what must not compile; see barrel_guards
# DEPENDS names the layers that it may include; tools/tidy checks the #includes by it. TEST_LINK is for the tests only.
function(barrel_layer name)
  cmake_parse_arguments(LAYER "" "" "DEPENDS;LINK;TEST_LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/guards/")
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER sources EXCLUDE REGEX "\\.(test|fuzz)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "\\.test\\.cpp$")
  list(FILTER fuzzers INCLUDE REGEX "\\.fuzz\\.cpp$")

  list(TRANSFORM LAYER_DEPENDS PREPEND barrel_)
  if(sources)
    add_library(barrel_${name} STATIC ${sources})
    target_link_libraries(barrel_${name} PUBLIC barrel_options ${LAYER_DEPENDS} ${LAYER_LINK})
    if(BARREL_PCH)
      barrel_precompile_headers(barrel_${name} library)
    endif()
    set_property(GLOBAL APPEND PROPERTY BARREL_LAYERS barrel_${name})
  else()
    add_library(barrel_${name} INTERFACE)
    target_link_libraries(barrel_${name} INTERFACE barrel_options ${LAYER_DEPENDS} ${LAYER_LINK})
  endif()

  if(BARREL_TESTS AND tests)
    barrel_gtest(barrel_${name}_tests SOURCES ${tests} LINK barrel_${name} ${LAYER_TEST_LINK} PREFIX ${name}. LABELS unit)
  endif()
  if(BARREL_TESTS OR BARREL_FUZZ)
    foreach(fuzzer ${fuzzers})
      barrel_fuzzer(${fuzzer} barrel_${name} ${LAYER_TEST_LINK})
    endforeach()
  endif()
endfunction()

# barrel_guards(name): a test for each file in the layer's guards/, which must not compile, with the message that its
# first line expects (or must, where it says so).
function(barrel_guards name)
  if(NOT BARREL_TESTS)
    return()
  endif()
  file(GLOB guards CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/guards/*.cpp)
  foreach(guard ${guards})
    get_filename_component(file ${guard} NAME_WE)
    add_test(NAME ${BARREL_TEST_PREFIX}${name}.guard.${file}
             COMMAND ${PROJECT_SOURCE_DIR}/tools/check_guard ${guard} ${CMAKE_CXX_COMPILER} -std=c++23
                     -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_SOURCE_DIR}/src)
    set_tests_properties(${BARREL_TEST_PREFIX}${name}.guard.${file} PROPERTIES LABELS unit TIMEOUT 120)
  endforeach()
endfunction()

# barrel_gtest(target SOURCES files... LINK libraries... PREFIX text LABELS labels... [TIMEOUT seconds] [BUSY] [RUN_SERIAL])
# BUSY is for tests that compute for long: they take two of the places of a ctest run, so that a run with two places for
# each core (scripts/test) has no more of them than cores, and twice as many of those that mostly wait.
function(barrel_gtest target)
  cmake_parse_arguments(TEST "BUSY;RUN_SERIAL" "PREFIX;TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  math(EXPR TEST_TIMEOUT "${TEST_TIMEOUT} * ${BARREL_TEST_PATIENCE}")
  set(properties LABELS "${TEST_LABELS}" TIMEOUT ${TEST_TIMEOUT})
  if(TEST_BUSY)
    list(APPEND properties PROCESSORS 2)
  endif()
  if(TEST_RUN_SERIAL)
    list(APPEND properties RUN_SERIAL ON)
  endif()
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${target} ${TEST_SOURCES})
  barrel_test_flags(${target})
  if(BARREL_PCH OR BARREL_TEST_PCH)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    barrel_precompile_headers(${target} tests)
  endif()
  target_link_libraries(${target} PRIVATE ${TEST_LINK} GTest::gtest_main GTest::gmock)
  gtest_discover_tests(${target} TEST_PREFIX "${BARREL_TEST_PREFIX}${TEST_PREFIX}" DISCOVERY_MODE PRE_TEST
                       DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
endfunction()

function(barrel_test_flags target)
  separate_arguments(flags UNIX_COMMAND "${BARREL_TEST_FLAGS}")
  target_compile_options(${target} PRIVATE ${flags})
endfunction()

function(barrel_fuzzer source)
  get_filename_component(file ${source} NAME)
  string(REPLACE ".fuzz.cpp" "" fuzz ${file})
  if(BARREL_FUZZ)
    add_executable(fuzz_${fuzz} ${source})
    target_link_libraries(fuzz_${fuzz} PRIVATE ${ARGN})
    target_link_options(fuzz_${fuzz} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${BARREL_TEST_PREFIX}fuzz.${fuzz}
             COMMAND ${PROJECT_SOURCE_DIR}/tools/fuzz/run $<TARGET_FILE:fuzz_${fuzz}> ${BARREL_FUZZ_SECONDS}
                     ${PROJECT_BINARY_DIR}/corpus/${fuzz} ${PROJECT_SOURCE_DIR}/tests/corpus/${fuzz})
    set_tests_properties(${BARREL_TEST_PREFIX}fuzz.${fuzz} PROPERTIES LABELS fuzz TIMEOUT 7200)
  else()
    add_executable(replay_${fuzz} ${source} ${PROJECT_SOURCE_DIR}/tools/fuzz/replay.cpp)
    target_link_libraries(replay_${fuzz} PRIVATE ${ARGN})
    add_test(NAME ${BARREL_TEST_PREFIX}corpus.${fuzz}
             COMMAND replay_${fuzz} ${PROJECT_SOURCE_DIR}/tests/corpus/${fuzz})
    set_tests_properties(${BARREL_TEST_PREFIX}corpus.${fuzz} PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()

# One set of headers is compiled once for all libraries and once for all test programs. GCC takes it only for what is compiled
# with the same flags, which for position-independent code are others in libraries and programs: test programs go without.
function(barrel_precompile_headers target kind)
  if(NOT TARGET barrel_pch_${kind})
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/pch_${kind}.cpp CONTENT "// Carries the precompiled headers.\n")
    add_library(barrel_pch_${kind} STATIC ${PROJECT_BINARY_DIR}/pch_${kind}.cpp)
    target_link_libraries(barrel_pch_${kind} PRIVATE barrel_options)
    set(headers <algorithm> <array> <atomic> <chrono> <compare> <coroutine> <cstddef> <cstdint> <cstring> <deque>
                <expected> <functional> <map> <memory> <mutex> <optional> <ranges> <set> <span> <string> <string_view>
                <thread> <tuple> <type_traits> <unordered_map> <utility> <variant> <vector>)
    if(kind STREQUAL "tests")
      find_package(GTest REQUIRED)
      target_link_libraries(barrel_pch_${kind} PRIVATE GTest::gtest_main GTest::gmock)
      list(APPEND headers <gmock/gmock.h> <gtest/gtest.h>)
      barrel_test_flags(barrel_pch_${kind})
      set_target_properties(barrel_pch_${kind} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    endif()
    target_precompile_headers(barrel_pch_${kind} PRIVATE ${headers})
  endif()
  target_precompile_headers(${target} REUSE_FROM barrel_pch_${kind})
endfunction()
