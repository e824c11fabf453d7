# plexus_add_plugin(NAME SOURCES... [LIBRARIES...]): one shared library, NAME.so, that exports
# plexus_plugin_entry alone. The project uses it, and so does whoever finds the installed package.
set(PLEXUS_PLUGIN_SCRIPT_PLACES ${CMAKE_CURRENT_LIST_DIR}/plugin.version
  ${CMAKE_CURRENT_LIST_DIR}/../../sdk/abi/plugin.version)

function(plexus_add_plugin name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  foreach(place ${PLEXUS_PLUGIN_SCRIPT_PLACES})
    if(NOT script AND EXISTS ${place})
      set(script ${place})
    endif()
  endforeach()
  set(target plexus-${name})
  add_library(${target} MODULE ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE plexus::sdk ${arg_LIBRARIES})
  if(TARGET plexus_flags)
    target_link_libraries(${target} PRIVATE plexus_flags)
  endif()
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  # A unique symbol would keep the library from being unloaded, which the validator does.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_link_options(${target} PRIVATE -Wl,--version-script=${script} -Wl,--exclude-libs,ALL)
  if(NOT PLEXUS_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} PREFIX "" LINK_DEPENDS ${script}
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "")
  if(DEFINED PLEXUS_PLUGIN_OUTPUT_DIRECTORY)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PLEXUS_PLUGIN_OUTPUT_DIRECTORY})
  endif()
  install(TARGETS ${target} LIBRARY DESTINATION lib/plexus/plugins)
endfunction()
