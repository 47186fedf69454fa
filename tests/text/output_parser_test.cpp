// What the output of a model means, whole and in pieces.
#include "text/output_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "base/utf8.h"
#include "text/output_parser_calls.h"
#include "text/prompt.h"

namespace levin::text {
namespace {

using Kind = OutputEvent::Kind;

OutputOptions options(ChatStyle style, bool is_thinking = false) {
  return {style, is_thinking, true};
}

/// Events as short text: R and C for pieces of thinking and content, (name|arguments) for calls.
std::string shown(const std::vector<OutputEvent>& events) {
  std::string text;
  for (const OutputEvent& event : events) {
    switch (event.kind) {
      case Kind::kReasoning:
        text += "R[" + event.text + "]";
        break;
      case Kind::kContent:
        text += "C[" + event.text + "]";
        break;
      case Kind::kCallBegin:
        text += std::to_string(event.call_idx) + "(" + event.text + "|";
        break;
      case Kind::kArguments:
        text += event.text;
        break;
      case Kind::kCallEnd:
        text += ")";
        break;
    }
  }
  return text;
}

/// The events of `text` pushed in pieces that end at `cuts`, neighbours of one kind joined.
std::vector<OutputEvent> parse_cut(const std::string& text, const std::vector<size_t>& cuts,
                                   const OutputOptions& how) {
  OutputParser parser(how);
  std::vector<OutputEvent> joined;
  const auto take = [&](const std::vector<OutputEvent>& events) {
    for (const OutputEvent& event : events) {
      EXPECT_TRUE(base::is_valid_utf8(event.text)) << event.text;
      add_event(joined, event);
    }
  };
  size_t begin = 0;
  for (const size_t cut : cuts) {
    take(parser.push(std::string_view(text).substr(begin, cut - begin)));
    begin = cut;
  }
  take(parser.push(std::string_view(text).substr(begin)));
  take(parser.flush());
  return joined;
}

/// Parses `text` whole, byte by byte and cut once at every byte; all must agree.
std::string parsed(const std::string& text, const OutputOptions& how) {
  const std::vector<OutputEvent> whole = parse_output(text, how);
  std::vector<size_t> every;
  for (size_t cut = 1; cut < text.size(); ++cut) {
    every.push_back(cut);
    EXPECT_EQ(parse_cut(text, {cut}, how), whole) << "cut at " << cut << " of " << text;
  }
  EXPECT_EQ(parse_cut(text, every, how), whole) << "byte by byte: " << text;
  return shown(whole);
}

std::string calls_v31(const std::string& inside) {
  return std::string(markup::kToolCallsBegin) + inside + std::string(markup::kToolCallsEnd);
}

std::string call_v31(const std::string& name, const std::string& arguments) {
  return std::string(markup::kToolCallBegin) + name + std::string(markup::kToolSep) + arguments +
         std::string(markup::kToolCallEnd);
}

std::string calls_dsml(const std::string& inside) {
  return "\n\n<｜DSML｜function_calls>\n" + inside + "</｜DSML｜function_calls>";
}

std::string call_dsml(const std::string& name, const std::string& parameters) {
  return "<｜DSML｜invoke name=\"" + name + "\">\n" + parameters + "</｜DSML｜invoke>\n";
}

std::string parameter(const std::string& key, bool is_string, const std::string& value) {
  return "<｜DSML｜parameter name=\"" + key + "\" string=\"" + (is_string ? "true" : "false") +
         "\">" + value + "</｜DSML｜parameter>\n";
}

TEST(OutputParser, ThinkingEndsAtItsTag) {
  EXPECT_EQ(parsed("Hm, 2 < 3.</think>Yes.</think>", options(ChatStyle::kV31, true)),
            "R[Hm, 2 < 3.]C[Yes.</think>]");
  EXPECT_EQ(parsed("never ends </thin", options(ChatStyle::kV32, true)), "R[never ends </thin]");
  EXPECT_EQ(parsed("an answer</think>", options(ChatStyle::kV31)), "C[an answer</think>]");
  EXPECT_EQ(parsed("", options(ChatStyle::kV31, true)), "");
}

TEST(OutputParser, StylesWithoutMarkupGiveContent) {
  const std::string text = "a</think>" + calls_v31(call_v31("f", "{}"));
  for (const ChatStyle style : {ChatStyle::kMarkers, ChatStyle::kPlain}) {
    EXPECT_EQ(parsed(text, options(style, true)), "C[" + text + "]");
  }
}

TEST(OutputParser, WithoutToolsTheirMarkupIsContent) {
  const std::string text = calls_v31(call_v31("f", "{}"));
  EXPECT_EQ(parsed(text, {ChatStyle::kV31, false, false}), "C[" + text + "]");
}

TEST(OutputParser, V31CallsFollowTheAnswer) {
  const std::string text =
      "Let me look. " +
      calls_v31(call_v31("get_weather", R"({"location": "杭州"})") + call_v31("now", ""));
  EXPECT_EQ(parsed(text, options(ChatStyle::kV31)),
            R"(C[Let me look. ]0(get_weather|{"location": "杭州"})1(now|{}))");
}

TEST(OutputParser, V31ForgivesMissingAndSpareThings) {
  // White space between the tags, the call's end tag forgotten.
  EXPECT_EQ(parsed(calls_v31("\n" + call_v31("f", "{}") + "\n") + "\n", options(ChatStyle::kV31)),
            "0(f|{})");
  EXPECT_EQ(parsed(calls_v31("<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}"),
                   options(ChatStyle::kV32Exp)),
            "0(f|{\"a\": 1})");
  // A second block, after text.
  EXPECT_EQ(parsed(calls_v31(call_v31("f", "{}")) + " and " + calls_v31(call_v31("g", "{}")),
                   options(ChatStyle::kV31)),
            "0(f|{})C[and ]1(g|{})");
}

TEST(OutputParser, V31CutByTheLengthLimitLeavesTheArgumentsOpen) {
  EXPECT_EQ(parsed("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": \"<｜to",
                   options(ChatStyle::kV31)),
            "0(f|{\"a\": \")");
  EXPECT_EQ(parsed("x<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_w", options(ChatStyle::kV31)),
            "C[x<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_w]");
}

TEST(OutputParser, V31BlockThatBreaksBeforeItsFirstNameIsContent) {
  for (const std::string text :
       {"<｜tool▁calls▁begin｜>hello", "<｜tool▁calls▁begin｜><｜tool▁calls▁end｜>",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁call▁end｜>",
        "<｜tool▁calls▁begin｜"}) {
    EXPECT_EQ(parsed(text, options(ChatStyle::kV31)), "C[" + text + "]");
  }
  const std::string endless =
      "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>" + std::string(kMaxHeadBytes, 'n');
  EXPECT_EQ(shown(parse_output(endless, options(ChatStyle::kV31))), "C[" + endless + "]");
}

TEST(OutputParser, V31RestOfABlockThatBreaksLaterIsContent) {
  const std::string text = "<｜tool▁calls▁begin｜>" + call_v31("f", "{}") + " well " +
                           std::string(markup::kToolCallsEnd);
  EXPECT_EQ(parsed(text, options(ChatStyle::kV31)), "0(f|{})C[well <｜tool▁calls▁end｜>]");
}

TEST(OutputParser, ABlockEndsThinkingThatWasNotClosed) {
  EXPECT_EQ(parsed("so I call" + calls_dsml(call_dsml("f", "")), options(ChatStyle::kV32, true)),
            "R[so I call]0(f|{})");
  EXPECT_EQ(parsed("<｜tool▁calls▁begin｜> is a tag</think>ok", options(ChatStyle::kV31, true)),
            "R[<｜tool▁calls▁begin｜> is a tag]C[ok]");
}

TEST(OutputParser, DsmlParametersBecomeJson) {
  const std::string text =
      "hm</think>ok" +
      calls_dsml(call_dsml("search", parameter("query", true, "a \"b\" <c>\n\t漢 </｜DSML") +
                                         parameter("filter", false, R"({"a": [1, 2.50]})")) +
                 call_dsml("now", "") + call_dsml("g", parameter("k\"y", true, "")));
  EXPECT_EQ(parsed(text, options(ChatStyle::kV32, true)),
            R"(R[hm]C[ok]0(search|{"query": "a \"b\" <c>\n\t漢 </｜DSML", )"
            R"("filter": {"a": [1, 2.50]}})1(now|{})2(g|{"k\"y": ""}))");
}

TEST(OutputParser, DsmlStringsStreamWhileTheyAreWritten) {
  OutputParser parser(options(ChatStyle::kV32));
  (void)parser.push("\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n");
  EXPECT_EQ(shown(parser.push("<｜DSML｜parameter name=\"a\" string=\"true\">one\n")),
            R"({"a": "one\n)");
  EXPECT_EQ(shown(parser.push("two </")), "two ");
  EXPECT_EQ(shown(parser.push("p> three")), "</p> three");
}

TEST(OutputParser, DsmlForgivesMissingBlankLineAndSpareSpace) {
  EXPECT_EQ(parsed("ok\n<｜DSML｜function_calls><｜DSML｜invoke name=\"f\">  "
                   "</｜DSML｜invoke>\n\n</｜DSML｜function_calls>\n\n",
                   options(ChatStyle::kV32)),
            "C[ok]0(f|{})");
  EXPECT_EQ(
      parsed("\n\n\n<｜DSML｜function_calls>\n</｜DSML｜function_calls>", options(ChatStyle::kV32)),
      "C[\n]");
}

TEST(OutputParser, DsmlValueThatIsNoJsonBecomesAString) {
  EXPECT_EQ(parsed(calls_dsml(call_dsml(
                       "f", parameter("a", false, "yes \"so\"") + parameter("b", false, "true"))),
                   options(ChatStyle::kV32)),
            R"(0(f|{"a": "yes \"so\"", "b": true}))");
}

TEST(OutputParser, DsmlCutByTheLengthLimitLeavesTheArgumentsOpen) {
  const std::string begin = "\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n";
  EXPECT_EQ(parsed(begin + "<｜DSML｜parameter name=\"a\" string=\"true\">x</｜DS",
                   options(ChatStyle::kV32)),
            "0(f|{\"a\": \"x)");
  EXPECT_EQ(parsed(begin + "<｜DSML｜parameter name=\"a\" string=\"true\">x\uFFFD",
                   options(ChatStyle::kV32)),
            "0(f|{\"a\": \"x\uFFFD)");
  EXPECT_EQ(parsed(begin + "<｜DSML｜parameter name=\"a\" string=\"false\">[1, 2",
                   options(ChatStyle::kV32)),
            "0(f|{\"a\": [1, 2)");
  EXPECT_EQ(parsed(begin + "<｜DSML｜param", options(ChatStyle::kV32)), "0(f|)");
}

TEST(OutputParser, ATagCutWithinACharacterIsNoContent) {
  const std::string begin =
      "\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n" + parameter("a", true, "x");
  const std::string between_calls = begin + "</｜DSML｜invoke>\n";
  for (const std::string cut :
       {"</｜DSML\uFFFD", "</｜DSML\xEF\xBD", "</\uFFFD", "\uFFFD", "</｜"}) {
    EXPECT_EQ(parsed(begin + cut, options(ChatStyle::kV32)), "0(f|{\"a\": \"x\")") << cut;
    EXPECT_EQ(parsed(between_calls + cut, options(ChatStyle::kV32)), "0(f|{\"a\": \"x\"})") << cut;
  }
  EXPECT_EQ(parsed(begin + "</｜DSML\uFFFD is no tag", options(ChatStyle::kV32)),
            "0(f|{\"a\": \"x\"})C[</｜DSML\uFFFD is no tag]");
}

TEST(OutputParser, DsmlRestOfABlockThatBreaksIsContent) {
  // An open call is closed, so that its arguments stay JSON.
  EXPECT_EQ(parsed("\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n" +
                       parameter("a", true, "x") + "oops</｜DSML｜invoke>",
                   options(ChatStyle::kV32)),
            "0(f|{\"a\": \"x\"})C[oops</｜DSML｜invoke>]");
  const std::string twice = parameter("a", true, "y");
  EXPECT_EQ(parsed("\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n" + twice + twice,
                   options(ChatStyle::kV32)),
            "0(f|{\"a\": \"y\"})C[" + twice + "]");
  const std::string no_block = "\n\n<｜DSML｜function_calls are a tag of DSML";
  EXPECT_EQ(parsed(no_block, options(ChatStyle::kV32)), "C[" + no_block + "]");
}

TEST(OutputParser, IllFormedUtf8BecomesReplacementCharacters) {
  EXPECT_EQ(parsed("a\xE6\xBC z\xF0\x9F\x98", options(ChatStyle::kV31)), "C[a\uFFFD z\uFFFD]");
}

TEST(OutputParser, SaysWhereItStands) {
  OutputParser parser(options(ChatStyle::kV31, true));
  EXPECT_TRUE(parser.is_reasoning());
  (void)parser.push("hm</think>");
  EXPECT_FALSE(parser.is_reasoning());
  EXPECT_FALSE(parser.has_calls());
  (void)parser.push("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>");
  EXPECT_TRUE(parser.has_calls());
  (void)parser.push("{}");
  (void)parser.flush();
  EXPECT_TRUE(parser.has_cut_call());
}

TEST(OutputParser, ACallIsWholeOnceItHasEnded) {
  for (const std::string& text :
       {call_v31("f", "{}"), call_v31("f", "{}") + std::string(markup::kToolCallsEnd),
        call_v31("f", "{}") + " is a call"}) {
    OutputParser parser(options(ChatStyle::kV31));
    (void)parser.push(std::string(markup::kToolCallsBegin) + text);
    (void)parser.flush();
    EXPECT_FALSE(parser.has_cut_call()) << text;
  }
}

TEST(OutputParser, RandomCutsChangeNothing) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const ChatStyle style = seed % 2 == 0 ? ChatStyle::kV31 : ChatStyle::kV32;
    static const std::vector<std::string> pieces = {
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>",
        "f<｜tool▁sep｜>",
        "<｜tool▁call▁end｜>",
        "<｜tool▁calls▁end｜>",
        "\n\n<｜DSML｜function_calls>\n",
        "<｜DSML｜invoke name=\"f\">\n",
        "<｜DSML｜parameter name=\"k\" string=\"true\">",
        "</｜DSML｜parameter>\n",
        "</｜DSML｜invoke>\n",
        "</｜DSML｜function_calls>",
        "</think>",
        "{}",
        "漢",
        "\n",
        "<",
        "\xE2"};
    std::string text;
    std::vector<size_t> cuts;
    uint64_t counter = 0;
    for (int piece = 0; piece < 25; ++piece) {
      // Mostly in an order that makes sense, so that blocks get deep.
      const size_t first = style == ChatStyle::kV31 ? 0 : 5;
      const uint64_t bits = base::random_bits(seed, counter++);
      text += bits % 3 == 0 ? pieces[bits / 3 % pieces.size()]
                            : pieces[first + static_cast<size_t>(piece) % 6];
    }
    for (size_t cut = 1; cut < text.size(); ++cut) {
      if (base::random_bits(seed, counter++) % 4 == 0) {
        cuts.push_back(cut);
      }
    }
    const OutputOptions how = options(style, seed % 4 < 2);
    EXPECT_EQ(parse_cut(text, cuts, how), parse_output(text, how)) << text;
  }
}

}  // namespace
}  // namespace levin::text
