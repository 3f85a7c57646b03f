# What every target of the project is compiled with.
find_package(Threads REQUIRED)

# Rebuilds after a branch switch or in a second build directory cost little where ccache is installed.
if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(BARREL_CCACHE ccache)
  if(BARREL_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${BARREL_CCACHE})
  endif()
endif()

# The objects of the layers make both libraries, static and shared; see cmake/BarrelInstall.cmake. Only what the headers of
# include/barrel declare leaves the shared one.
if(BARREL_INSTALL)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
endif()
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

add_library(barrel_options INTERFACE)
target_compile_features(barrel_options INTERFACE cxx_std_23)
target_compile_options(barrel_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                                                -Wcast-align -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # What its optimiser believes of std::string, std::vector and std::optional at -O2 is often wrong (GCC bugs 105651,
  # 105329, 80635); Clang and the sanitizers look for the same.
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(barrel_options INTERFACE -Wno-array-bounds -Wno-maybe-uninitialized -Wno-restrict
                                                    -Wno-stringop-overflow -Wno-stringop-overread)
  else()
    # Less often since: said, but no error.
    target_compile_options(barrel_options INTERFACE -Wno-error=array-bounds -Wno-error=free-nonheap-object
                                                    -Wno-error=stringop-overflow -Wno-error=stringop-overread)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  # std::stable_sort of libstdc++ 12 uses a function that it deprecates itself.
  target_compile_options(barrel_options INTERFACE -Wno-deprecated-declarations)
endif()
# Nobody replaces a function of ours from outside: calls of exported functions may be inlined, too.
target_compile_options(barrel_options INTERFACE -fno-semantic-interposition)
target_include_directories(barrel_options INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(barrel_options INTERFACE Threads::Threads)
if(BARREL_WERROR)
  target_compile_options(barrel_options INTERFACE -Werror)
endif()
if(BARREL_SANITIZE)
  target_compile_options(barrel_options INTERFACE -fsanitize=${BARREL_SANITIZE} -fno-omit-frame-pointer)
  # Spans and vectors check their bounds, also where nobody reads beyond them yet.
  target_compile_definitions(barrel_options INTERFACE _GLIBCXX_ASSERTIONS)
  if(BARREL_SANITIZE MATCHES undefined)
    target_compile_options(barrel_options INTERFACE -fno-sanitize-recover=undefined)
  endif()
  target_link_options(barrel_options INTERFACE -fsanitize=${BARREL_SANITIZE})
endif()
if(BARREL_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "BARREL_FUZZ needs Clang: use the preset 'asan'")
  endif()
  target_compile_options(barrel_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(barrel_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
