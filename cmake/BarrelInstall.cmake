# What users of the library get: libbarrel.so and libbarrel.a out of the objects of all layers, the public headers, the
# CMake package `barrel` with the targets barrel::barrel and barrel::barrel_static, barrel.pc and barrel-static.pc, and Debian
# packages of it all (scripts/package, by way of CPack).

# Where Debian's loader, pkg-config and CMake look in each of the system's prefixes, and where its packages install.
if(EXISTS /etc/debian_version AND CMAKE_LIBRARY_ARCHITECTURE)
  set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE} CACHE PATH "Libraries, below the prefix")
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Installing builds nothing; the tests install what is there.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

# What a program that links libbarrel.a needs as well, as pkg-config calls it: for its files and for the CMake package.
set(BARREL_DEPENDENCIES libngtcp2 libngtcp2_crypto_gnutls gnutls libsodium spdlog fmt zlib)

get_property(layers GLOBAL PROPERTY BARREL_LAYERS)
set(objects ${layers})
list(TRANSFORM objects REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")

add_library(barrel_shared SHARED ${objects})
# The layers hand on the libraries that they need; their objects are there already.
target_link_libraries(barrel_shared PRIVATE ${layers})
set(exports ${CMAKE_CURRENT_LIST_DIR}/install/exports.map)
target_link_options(barrel_shared PRIVATE LINKER:--version-script=${exports} LINKER:--no-undefined LINKER:--as-needed
                                          LINKER:-Bsymbolic-functions)
set_target_properties(barrel_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                                               EXPORT_NAME barrel LINK_DEPENDS ${exports})
add_library(barrel_static STATIC ${objects})
foreach(library barrel_shared barrel_static)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME barrel LINKER_LANGUAGE CXX)
  target_compile_features(${library} INTERFACE cxx_std_23)
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/barrel)
set(runtime COMPONENT runtime)
set(development COMPONENT development)
install(TARGETS barrel_shared EXPORT barrel
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ${runtime} NAMELINK_COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS barrel_static EXPORT barrel_static
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} ${development}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/barrel DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${development}
        FILES_MATCHING PATTERN "*.hpp")

install(EXPORT barrel NAMESPACE barrel:: DESTINATION ${package_dir} FILE barrel-shared.cmake ${development})
install(EXPORT barrel_static NAMESPACE barrel:: DESTINATION ${package_dir} FILE barrel-static.cmake ${development})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/install/barrel-config.cmake.in ${PROJECT_BINARY_DIR}/barrel-config.cmake
                              INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/barrel-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/barrel-config.cmake ${PROJECT_BINARY_DIR}/barrel-config-version.cmake
        DESTINATION ${package_dir} ${development})

set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH BARREL_PREFIX_FROM_PC /prefix/${pc_dir} /prefix)
list(JOIN BARREL_DEPENDENCIES ", " BARREL_REQUIRES)
foreach(pc barrel barrel-static)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/install/${pc}.pc.in ${PROJECT_BINARY_DIR}/${pc}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${pc}.pc DESTINATION ${pc_dir} ${development})
endforeach()

# Where Debian looks for a package's licence.
set(soname_package libbarrel${PROJECT_VERSION_MAJOR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${soname_package} ${runtime}
        RENAME copyright)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/libbarrel-dev ${development}
        RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME barrel)
set(CPACK_PACKAGE_VENDOR "The Barrel authors")
set(CPACK_PACKAGE_CONTACT "The Barrel authors <barrel@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Erlang-shaped runtime whose nodes form a peer-to-peer cluster over QUIC")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${soname_package})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY "=")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libbarrel-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
# The .pc files name those of the libraries; the CMake package looks for those of the static one with pkg-config.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${soname_package} (= ${PROJECT_VERSION}), libngtcp2-dev, libngtcp2-crypto-gnutls-dev, libgnutls28-dev, \
libsodium-dev, libspdlog-dev, libfmt-dev, zlib1g-dev, pkg-config")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Shared library.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers, static library, and what CMake and pkg-config want.")
include(CPack)
