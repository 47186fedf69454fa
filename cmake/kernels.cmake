# levin_isa_objects(ISA flags...): the kernels of one instruction set, compiled with its flags and
# linked into levin_kernels. No other file of the project is compiled with such flags.
# -ffp-contract=off: a product and a sum fuse only where the source says so, so that a row's bits
# do not depend on how the compiler arranged a loop. UNITY_BUILD OFF: nor on its neighbours in a file.
function(levin_isa_objects isa)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${isa}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(levin_kernels_${isa} OBJECT ${sources})
  set_target_properties(levin_kernels_${isa} PROPERTIES UNITY_BUILD OFF)
  levin_optimize_sanitized(levin_kernels_${isa} kernels)
  target_compile_options(levin_kernels_${isa} PRIVATE ${ARGN} -ffp-contract=off -fno-exceptions)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 takes the deliberately undefined operand inside its AVX-512 intrinsics for a mistake.
    # psabi: vectors wider than the ISA's registers never cross a call that is not inlined.
    target_compile_options(levin_kernels_${isa} PRIVATE -Wno-uninitialized -Wno-psabi)
  endif()
  target_include_directories(levin_kernels_${isa} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_sources(levin_kernels PRIVATE $<TARGET_OBJECTS:levin_kernels_${isa}>)
endfunction()
