# Warnings are errors, for every target of ours.
add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside its own standard library when it inlines at -O2 and up.
  add_compile_options(-Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-maybe-uninitialized)
endif()
if(CMAKE_UNITY_BUILD)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ takes the files that a unity file includes for headers.
    add_compile_options(-Wno-subobject-linkage)
  else()
    # To clang a local name shadows the helpers of a neighbour in the unity file, too.
    add_compile_options(-Wno-shadow)
  endif()
endif()
