# levin_embed(TARGET FOLDER): compiles every file below FOLDER into TARGET, as
# `levin::serve::web::kEmbeddedFiles` (src/serve/web/embedded_files.h). The assembler reads the
# files (.incbin), which takes no time however large they are.
function(levin_embed target folder)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*)
  list(SORT files)
  set(symbols "")
  set(rows "")
  set(depends "")
  set(index 0)
  foreach(file IN LISTS files)
    file(SHA256 ${folder}/${file} hash)
    string(APPEND symbols "asm(\".section .rodata\\n\"\n"
      "    \"levin_web_${index}: .incbin \\\"${folder}/${file}\\\"\\n\"\n"
      "    \"levin_web_${index}_end: .byte 0\\n\"\n"
      "    \".global levin_web_${index}, levin_web_${index}_end\\n\"\n"
      "    \".previous\\n\");\n"
      "extern \"C\" const char levin_web_${index}[];\n"
      "extern \"C\" const char levin_web_${index}_end[];\n")
    string(APPEND rows "    {\"/${file}\", levin_web_${index}, levin_web_${index}_end, \"${hash}\"},\n")
    list(APPEND depends ${folder}/${file})
    math(EXPR index "${index} + 1")
  endforeach()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_files.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT "// Made by cmake/embed.cmake from the files of web/dist.
#include \"serve/web/embedded_files.h\"

@symbols@
namespace levin::serve::web {
namespace {
constexpr EmbeddedFile kFiles[] = {
@rows@};
}  // namespace
const std::span<const EmbeddedFile> kEmbeddedFiles = kFiles;
}  // namespace levin::serve::web
")
  # The hashes in that source change with the files, but only when CMake runs.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${depends})
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${depends}")
  target_sources(${target} PRIVATE ${source})
endfunction()
