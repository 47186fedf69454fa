// Any JSON as a schema: compiled within its bounds or refused, and what is compiled can be followed
// to the end of a value, which is JSON.
#include <memory>
#include <string>
#include <string_view>

#include "fuzz_target.h"
#include "generation/constraint_matcher.h"
#include "generation/json_schema.h"
#include "text/python_json.h"

namespace {

using levin::generation::Grammar;
using levin::generation::GrammarMatcher;

Grammar compile(const levin::text::JsonValue& schema) {
  levin::generation::GrammarBuilder builder;
  levin::generation::JsonRules rules(builder);
  levin::generation::SchemaCompiler compiler(builder, rules, schema, "schema");
  const auto root = compiler.root();
  (void)compiler.root(levin::generation::ValueForm::kRawText);
  compiler.define_rules();
  return builder.finish(root);
}

void require_json(const std::string& text) {
  try {
    (void)levin::text::parse_python_json(text, "finished");
  } catch (const levin::base::Error&) {
    levin::fuzz::require(false, "a finished text is JSON");
  }
}

/// Follows symbols that the input chooses; from everywhere something may follow, or the end.
void follow(const std::shared_ptr<const Grammar>& grammar, std::string_view choices) {
  GrammarMatcher matcher(grammar);
  GrammarMatcher::Position position = matcher.start();
  std::string text;
  for (const char choice : choices.substr(0, 200)) {
    GrammarMatcher::Position next = GrammarMatcher::kNowhere;
    for (int offset = 0; offset < 256 && next == GrammarMatcher::kNowhere; ++offset) {
      const auto byte = static_cast<uint8_t>(choice + offset);
      next = matcher.step(position, byte);
      if (next != GrammarMatcher::kNowhere) {
        text.push_back(static_cast<char>(byte));
      }
    }
    if (next == GrammarMatcher::kNowhere) {
      levin::fuzz::require(matcher.is_complete(position), "a text that cannot go on may end");
      break;
    }
    position = next;
  }
  if (matcher.is_complete(position)) {
    require_json(text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = levin::fuzz::as_text(data, size);
  levin::fuzz::expect_answer_or_error([&] {
    const levin::text::JsonValue schema = levin::text::parse_python_json(text, "input");
    follow(std::make_shared<const Grammar>(compile(schema)), text);
  });
  return 0;
}
