# barrel_layer(name DEPENDS layers... LINK libraries...)
#
# One layer of the architecture: the library barrel_<name> from src/<name>/*.cpp and, from the *.test.cpp beside them,
# the program barrel_<name>_tests. DEPENDS names the layers it may include; tools/tidy checks the #includes by it.
function(barrel_layer name)
  cmake_parse_arguments(LAYER "" "" "DEPENDS;LINK;TEST_LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "\\.(test|fuzz)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "\\.test\\.cpp$")

  list(TRANSFORM LAYER_DEPENDS PREPEND barrel_)
  if(sources)
    add_library(barrel_${name} STATIC ${sources})
    target_link_libraries(barrel_${name} PUBLIC barrel_options ${LAYER_DEPENDS} ${LAYER_LINK})
  else()
    add_library(barrel_${name} INTERFACE)
    target_link_libraries(barrel_${name} INTERFACE barrel_options ${LAYER_DEPENDS} ${LAYER_LINK})
  endif()

  if(BARREL_TESTS AND tests)
    find_package(GTest REQUIRED)
    include(GoogleTest)
    add_executable(barrel_${name}_tests ${tests})
    target_link_libraries(barrel_${name}_tests PRIVATE barrel_${name} ${LAYER_TEST_LINK} GTest::gtest_main GTest::gmock)
    gtest_discover_tests(barrel_${name}_tests TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
                         PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()
