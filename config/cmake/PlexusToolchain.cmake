# How everything is compiled and linked, and the functions that declare libraries, plugins and tests.
include(GNUInstallDirs)
include(CheckCXXCompilerFlag)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# Programs, plugins and the kernel stand in the build tree as they do when installed, so that what was
# built runs in place: bin/plexusd finds ../lib/plexus/plugins.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(PLEXUS_PLUGIN_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/plexus/plugins)
set(CMAKE_INSTALL_LIBDIR lib)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib")

find_program(PLEXUS_CCACHE ccache)
if(PLEXUS_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${PLEXUS_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PLEXUS_CCACHE})
endif()

# Usage requirements of every target of the project.
add_library(plexus_flags INTERFACE)
target_compile_options(plexus_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  -fstack-protector-strong -fno-strict-aliasing
  $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>
  $<$<BOOL:${PLEXUS_WERROR}>:-Werror>)
if(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo" AND NOT PLEXUS_SANITIZE)
  target_compile_definitions(plexus_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
if(NOT PLEXUS_SANITIZE)
  target_link_options(plexus_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
  # An interceptor of a sanitizer is defined in the program, so -z defs would refuse every plugin.
  target_link_options(plexus_flags INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY>:-Wl,-z,defs>
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>:-Wl,-z,defs>)
endif()
if(PLEXUS_SANITIZE)
  add_compile_options(-fsanitize=${PLEXUS_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PLEXUS_SANITIZE})
  if(PLEXUS_SANITIZE MATCHES thread)
    # ThreadSanitizer knows no fences, and says so wherever Asio has one; locks are what our order comes from.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()
if(PLEXUS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

include(PlexusPlugin)

# plexus_add_test(NAME SOURCES... [LIBRARIES...] [LABELS...]): a GoogleTest program, one ctest entry a case.
function(plexus_add_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE plexus_flags plexus_test_support GTest::gmock GTest::gtest_main
    ${arg_LIBRARIES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 300
    PROPERTIES TIMEOUT 600 LABELS "${arg_LABELS}")
endfunction()
