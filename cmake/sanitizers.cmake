# LEVIN_SANITIZE, for every target, libraries and tests alike. The presets take clang: without optimisation it
# compiles for sanitizers in half the time of g++ 12, and its fuzzer works on the same objects.
if(LEVIN_SANITIZE)
  add_compile_options(-fsanitize=${LEVIN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LEVIN_SANITIZE})
  # For tests of memory in use and of time.
  add_compile_definitions(LEVIN_SANITIZED)
  if(LEVIN_SANITIZE STREQUAL "thread")
    add_compile_definitions(LEVIN_SANITIZED_THREAD)
  endif()
endif()

# A sanitizer build is not optimised, which takes half as long, but for the modules in which its tests spend
# their time. No fuzz target reaches the kernels or what they read rows with: they need not count what was covered.
function(levin_optimize_sanitized target module)
  if(NOT LEVIN_SANITIZE)
    return()
  endif()
  if(module MATCHES "^(base|tensor|formats|text|kernels|model|runtime|generation|train/data)$")
    target_compile_options(${target} PRIVATE -O2)
  endif()
  if(module MATCHES "^(tensor|kernels)$" AND LEVIN_SANITIZE MATCHES "fuzzer-no-link")
    target_compile_options(${target} PRIVATE -fno-sanitize=fuzzer-no-link)
  endif()
endfunction()
