# levin_module(NAME [modules it may use...]): one static library levin_NAME from the *.cpp of
# this folder. Include paths name the module: #include "base/error.h". Module a/b is the library
# levin_a_b.
function(levin_module module)
  string(REPLACE "/" "_" name ${module})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  if(NOT sources)
    return()
  endif()
  add_library(levin_${name} STATIC ${sources})
  set_target_properties(levin_${name} PROPERTIES LINKER_LANGUAGE CXX)
  levin_optimize_sanitized(levin_${name} ${module})
  target_include_directories(levin_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  foreach(dependency IN LISTS ARGN)
    string(REPLACE "/" "_" dependency ${dependency})
    target_link_libraries(levin_${name} PUBLIC levin_${dependency})
  endforeach()
endfunction()
