# What every target of the project is compiled with.
find_package(Threads REQUIRED)

add_library(barrel_options INTERFACE)
target_compile_features(barrel_options INTERFACE cxx_std_23)
target_compile_options(barrel_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                                                -Wcast-align -Woverloaded-virtual)
target_include_directories(barrel_options INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(barrel_options INTERFACE Threads::Threads)
if(BARREL_WERROR)
  target_compile_options(barrel_options INTERFACE -Werror)
endif()
if(BARREL_SANITIZE)
  target_compile_options(barrel_options INTERFACE -fsanitize=${BARREL_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(barrel_options INTERFACE -fsanitize=${BARREL_SANITIZE})
endif()
